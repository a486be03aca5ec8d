import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { localFolder, type RunOptions, run } from "../../../testing/cli/run";
import { type Engine, startEngine } from "../../../testing/engine";

let engine: Engine;
let cwd: string;
beforeAll(async () => {
  engine = await startEngine();
  cwd = await localFolder(engine);
});
afterAll(() => engine.stop());

const doctor = (organizationId: string, args: string[] = [], options: RunOptions = {}) =>
  run(["doctor", ...args, "--local", "-o", organizationId], { cwd, ...options });

async function register(organizationId: string): Promise<string> {
  const file = `${organizationId}.pem`;
  const args = ["--local", "-o", organizationId, "--agent", "a1", "--generate-key", file];
  await run(["agents", "register", ...args], { cwd });
  return file;
}

describe("doctor", () => {
  it("finds nothing wrong where all is well", async () => {
    const file = await register("well");
    const { code, stdout, stderr } = await doctor("well", ["--agent", "a1", "--key", file]);
    expect(code).toBe(0);
    expect(stderr).toBe("");
    expect(stdout.match(/^✓ /gm)).toHaveLength(7);
    expect(stdout).toContain("ws://127.0.0.1:8787/prod answers (HTTP 401 without a token)");
  });

  it("says what is wrong with an agent and its key, and what to do", async () => {
    await register("keys");
    const other = await register("keys-other");
    await run(["agents", "disable", "--local", "-o", "keys", "--agent", "a1"], { cwd });
    const { code, stdout, stderr } = await doctor("keys", ["--agent", "a1", "--key", other]);
    expect(code).toBe(1);
    expect(stdout).toContain("✗ agent: a1 is disabled\n  → `agents enable` lets it connect.");
    expect(stdout).toContain("which is not registered for a1");
    expect(stderr).toContain("2 of 7 checks failed.");
  });

  it("warns of a key file that others can read", async () => {
    const file = await register("open");
    await chmod(join(cwd, file), 0o644);
    const { code, stdout } = await doctor("open", ["--agent", "a1", "--key", file]);
    expect(code).toBe(0);
    expect(stdout).toContain(
      `! key: ${file} is accessible to other users (mode 644)\n  → chmod 600 ${file}`,
    );
  });

  it("warns of a wrong clock, and says by how much it is wrong", async () => {
    await register("clock");
    const { code, stdout } = await doctor("clock", [], { now: () => Date.now() + 600_500 });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^! clock: this machine's clock is (10:0\d|9:5\d) ahead of the server's$/m,
    );
  });

  it("continues after a check that fails", async () => {
    await register("endpoint");
    const reach = async () => {
      throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    };
    const { code, stdout } = await doctor("endpoint", ["--json"], { reach });
    expect(code).toBe(1);
    const states = JSON.parse(stdout).map(({ state }: { state: string }) => state);
    expect(states).toEqual(["ok", "ok", "ok", "ok", "failed"]);
  });

  it("checks the HTTP endpoint of a deployment that has one", async () => {
    await register("over-http");
    const asked: string[] = [];
    const reach = async (url: string) => {
      asked.push(url);
      return url.includes(":5000") ? 404 : 401;
    };
    const args = ["--http-url", "http://127.0.0.1:5000"];
    const { code, stdout } = await doctor("over-http", args, { reach });
    expect(code).toBe(0);
    expect(stdout).toContain(
      "✓ HTTP endpoint: http://127.0.0.1:5000 answers (HTTP 404 without a token)",
    );
    expect(asked).toContain("http://127.0.0.1:5000");
  });

  it("without an organization, runs the checks that need none", async () => {
    const { code, stdout } = await run(["doctor", "--local"], { cwd });
    expect(code).toBe(0);
    expect(stdout.match(/^✓ /gm)).toHaveLength(4);
    expect(stdout).toContain("! organization: none given, so no agents were checked");
    const agent = await run(["doctor", "--local", "--agent", "a1"], { cwd });
    expect(agent.stderr).toContain("--agent needs --organization <id>.");
  });

  it("needs an agent to check a key", async () => {
    expect((await doctor("any", ["--key", "k.pem"])).code).toBe(2);
  });
});
