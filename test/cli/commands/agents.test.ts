import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { publicKeyFrom, type RegisteredAgent } from "@agent-heartbeat/sdk/registry";
import { type DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { agentRecordId, profileValue } from "../../../core/registry-record";
import { localFolder, type RunOptions, run } from "../../../testing/cli/run";
import { type Engine, startEngine } from "../../../testing/engine";
import { onlineRow, putRows } from "../../../testing/status-rows";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

/** A folder to run in, and the commands bound to it and to an organization of its own. */
async function workplace(organizationId: string) {
  const cwd = await localFolder(engine);
  const base = ["--local", "--organization", organizationId];
  const agents = (name: string, ...args: string[]) =>
    run(["agents", name, ...base, ...args], { cwd });
  const agentsWith = (options: RunOptions, name: string, ...args: string[]) =>
    run(["agents", name, ...base, ...args], { cwd, ...options });
  const register = (agentId: string) =>
    agents("register", "--agent", agentId, "--generate-key", `${agentId}.pem`);
  const get = async (agentId: string): Promise<RegisteredAgent> =>
    JSON.parse((await agents("get", "--agent", agentId, "--json")).stdout);
  const status = (...args: string[]) => run(["status", ...base, ...args], { cwd });
  return { cwd, agents, agentsWith, register, get, status };
}

describe("agents register", () => {
  it("generates a key file of mode 600 and registers its public half", async () => {
    const { cwd, register, get } = await workplace("reg-generate");
    const { code, stdout } = await register("a1");
    expect(code).toBe(0);
    expect(stdout).toContain("ws://127.0.0.1:8787/prod");
    expect((await stat(join(cwd, "a1.pem"))).mode & 0o777).toBe(0o600);
    const { keyId } = await publicKeyFrom(await readFile(join(cwd, "a1.pem"), "utf8"));
    expect((await get("a1")).publicKeys.map((key) => key.keyId)).toEqual([keyId]);
  });

  it("takes a public key from a file, with role and description", async () => {
    const { cwd, agents, get } = await workplace("reg-public");
    await run(["keys", "generate", "--out", "k.pem", "--algorithm", "p256"], { cwd });
    const { code } = await agents(
      "register",
      ...["--agent", "v1", "--public-key", "k.pem.pub", "--role", "viewer"],
      ...["--description", "wall display"],
    );
    expect(code).toBe(0);
    expect(await get("v1")).toMatchObject({
      role: "viewer",
      description: "wall display",
      publicKeys: [{ algorithm: "ES256" }],
    });
  });

  it("refuses an id that is taken before it makes a key file", async () => {
    const { cwd, agents, register } = await workplace("reg-taken");
    await register("a1");
    const args = ["--agent", "a1", "--generate-key", "b.pem"];
    const { code, stderr } = await agents("register", ...args);
    expect(code).toBe(1);
    expect(stderr).toContain("Agent a1 is already registered in organization reg-taken.");
    expect(await readdir(cwd)).not.toContain("b.pem");
  });

  it("refuses a key file that exists, and registers nothing", async () => {
    const { cwd, agents, register } = await workplace("reg-file");
    await writeFile(join(cwd, "a1.pem"), "mine");
    expect((await register("a1")).code).toBe(1);
    expect((await agents("get", "--agent", "a1")).code).toBe(3);
  });

  it("removes the key files of an agent that was refused", async () => {
    const { cwd, agents } = await workplace("reg-refused");
    const description = "x".repeat(257);
    const args = ["--agent", "a1", "--generate-key", "a1.pem", "--description", description];
    expect((await agents("register", ...args)).code).toBe(2);
    expect(await readdir(cwd)).toEqual([".local"]);
  });

  it("asks for exactly one key source", async () => {
    const { agents } = await workplace("reg-source");
    const none = await agents("register", "--agent", "a1");
    const args = ["--generate-key", "x.pem", "--public-key", "y.pub"];
    const both = await agents("register", "--agent", "a1", ...args);
    expect([none.code, both.code]).toEqual([2, 2]);
    expect(none.stderr).toContain("No key given.");
    expect(both.stderr).toContain("exclude each other");
  });

  it("says what is wrong with a public key file", async () => {
    const { cwd, agents } = await workplace("reg-bad");
    await writeFile(join(cwd, "bad.pub"), "hello");
    const missing = await agents("register", "--agent", "a1", "--public-key", "none.pub");
    const bad = await agents("register", "--agent", "a1", "--public-key", "bad.pub");
    expect([missing.code, bad.code]).toEqual([1, 2]);
    expect(missing.stderr).toContain("none.pub does not exist.");
    expect(bad.stderr).toContain("bad.pub: expected a public key, got another text.");
  });

  it.each(["", "a b", "a#1", ".a", "=a", "a~b", "x".repeat(129)])(
    "refuses the id %p",
    async (agentId) => {
      const { cwd, register } = await workplace("reg-ids");
      expect((await register(agentId)).code).toBe(2);
      expect(await readdir(cwd)).toEqual([".local"]);
    },
  );
});

describe("agents list and get", () => {
  it("show the organization's agents, and no other's", async () => {
    const { agents, register } = await workplace("list-mine");
    const other = await workplace("list-other");
    await register("a1");
    await register("a2");
    await other.register("secret");
    const { stdout } = await agents("list");
    expect(stdout.split("\n")[0]).toMatch(
      /^AGENT +ROLE +ENABLED +KEYS +REGISTERED +ENROLMENT +DESCRIPTION$/,
    );
    expect(stdout).toMatch(/^a1 +agent +yes +EdDSA/m);
    expect(stdout).not.toContain("secret");
    const list: RegisteredAgent[] = JSON.parse((await agents("list", "--json")).stdout);
    expect(list.map((agent) => agent.agentId)).toEqual(["a1", "a2"]);
    expect((await agents("get", "--agent", "secret")).code).toBe(3);
  });

  it("print a message if there are no agents", async () => {
    const { agents } = await workplace("list-nobody");
    expect((await agents("list")).stdout).toBe(
      "Organization list-nobody has no registered agents.\n",
    );
    expect((await agents("list", "--json")).stdout).toBe("[]\n");
  });

  it("show an agent's capabilities and metadata", async () => {
    const { agents, register } = await workplace("list-profile");
    await register("a1");
    await engine.client.send(
      new UpdateItemCommand({
        TableName: engine.registryTableName,
        Key: {
          organizationId: { S: "list-profile" },
          recordId: { S: agentRecordId("a1") },
        },
        UpdateExpression: "SET profile = :profile",
        ExpressionAttributeValues: {
          ":profile": profileValue({ capabilities: ["summarize"], metadata: { version: "1.4.2" } }),
        },
      }),
    );
    const { stdout } = await agents("get", "--agent", "a1");
    expect(stdout).toMatch(/^capabilities +summarize$/m);
    expect(stdout).toMatch(/^metadata +\{"version":"1\.4\.2"\}$/m);
  });

  it("do not let a description steer the terminal", async () => {
    const { agents } = await workplace("list-escape");
    const description = "\u001b[2Jgone";
    const args = ["--agent", "a1", "--generate-key", "a1.pem", "--description", description];
    await agents("register", ...args);
    expect((await agents("list")).stdout).not.toContain("\u001b");
    expect((await agents("get", "--agent", "a1")).stdout).not.toContain("\u001b");
  });
});

describe("agents disable, enable and remove", () => {
  it("end an agent's presence, and enable it again", async () => {
    const { agents, register, get, status } = await workplace("switch");
    await register("a1");
    const row = onlineRow(Date.now(), { organizationId: "switch" });
    await putRows(engine.client, engine.statusTableName, [row]);
    expect((await agents("disable", "--agent", "a1")).code).toBe(0);
    expect(await get("a1")).toMatchObject({ enabled: false });
    expect(JSON.parse((await status("a1", "--json")).stdout)).toMatchObject({
      status: "offline",
      reason: "revoked",
    });
    expect((await agents("enable", "--agent", "a1")).code).toBe(0);
    expect(await get("a1")).toMatchObject({ enabled: true });
  });

  it("remove an agent when the person agrees", async () => {
    const { agents, agentsWith, register, status } = await workplace("remove-yes");
    await register("a1");
    const row = onlineRow(Date.now(), { organizationId: "remove-yes" });
    await putRows(engine.client, engine.statusTableName, [row]);
    const { code, questions } = await agentsWith({ answer: "y" }, "remove", "--agent", "a1");
    expect(code).toBe(0);
    expect(questions).toEqual([
      "Remove agent a1 of organization remove-yes in the local service? [y/N] ",
    ]);
    expect((await agents("get", "--agent", "a1")).code).toBe(3);
    expect((await status("a1")).code).toBe(3);
  });

  it("remove nothing if the person declines or input is not a terminal", async () => {
    const { agentsWith, register, get } = await workplace("remove-no");
    await register("a1");
    expect((await agentsWith({ answer: "" }, "remove", "--agent", "a1")).code).toBe(1);
    const nobody = await agentsWith({}, "remove", "--agent", "a1");
    expect(nobody.code).toBe(2);
    expect(nobody.stderr).toContain("Add --yes.");
    expect(await get("a1")).toMatchObject({ agentId: "a1" });
    expect((await agentsWith({}, "remove", "--agent", "a1", "--yes")).code).toBe(0);
  });

  it.each(["disable", "enable", "remove"])("%s says if the agent is unknown", async (name) => {
    const { agents } = await workplace("nobody-here");
    const args = name === "remove" ? ["--agent", "ghost", "--yes"] : ["--agent", "ghost"];
    const { code, stderr } = await agents(name, ...args);
    expect(code).toBe(3);
    expect(stderr).toContain("agent ghost");
  });
});

describe("agents rotate-key and remove-key", () => {
  it("keep two keys, and print which one was retired", async () => {
    const { agents, register, get } = await workplace("rotation");
    await register("a1");
    const [first] = (await get("a1")).publicKeys;
    await agents("rotate-key", "--agent", "a1", "--generate-key", "a1-2.pem");
    const { stdout } = await agents(
      "rotate-key",
      ...["--agent", "a1", "--generate-key", "a1-3.pem"],
    );
    expect(stdout).toContain(`Retired ${first?.keyId}.`);
    const [second, third] = (await get("a1")).publicKeys;
    await agents("remove-key", "--agent", "a1", "--key", second?.keyId ?? "");
    expect((await get("a1")).publicKeys).toEqual([third]);
    const last = await agents("remove-key", "--agent", "a1", "--key", third?.keyId ?? "");
    expect(last.code).toBe(1);
  });

  it("keeps the new key file if the key was registered, though connections of the old one could not be ended", async () => {
    const { cwd, agents, agentsWith, register, get } = await workplace("rotation-incomplete");
    await register("a1");
    /** Fails at the status table. */
    const dynamoDb = async () => {
      const send: DynamoDBClient["send"] = async (command: { input: { TableName?: string } }) => {
        if (command.input.TableName === engine.statusTableName) throw new Error("unreachable");
        return engine.client.send(command as never);
      };
      return { send, config: engine.client.config, destroy: () => {} } as never;
    };
    const [old] = (await get("a1")).publicKeys;
    const args = ["--agent", "a1", "--generate-key", "a1-2.pem", "--now"];
    const retire = ["--retire", old?.keyId ?? ""];
    const { code, stderr } = await agentsWith({ dynamoDb }, "rotate-key", ...args, ...retire);
    expect(code).not.toBe(0);
    expect(stderr).toContain("repeat the change");
    expect(await readdir(cwd)).toContain("a1-2.pem");
    const [held] = (await get("a1")).publicKeys;
    expect((await publicKeyFrom(await readFile(join(cwd, "a1-2.pem.pub"), "utf8"))).keyId).toBe(
      held?.keyId,
    );
    const again = ["--public-key", "a1-2.pem.pub", "--now", ...retire];
    expect((await agents("rotate-key", "--agent", "a1", ...again)).code).toBe(0);
  });

  it("leaves no key file behind for an unknown agent", async () => {
    const { cwd, agents } = await workplace("rotation-ghost");
    const { code } = await agents("rotate-key", "--agent", "ghost", "--generate-key", "g.pem");
    expect(code).toBe(3);
    expect(await readdir(cwd)).toEqual([".local"]);
  });
});
