import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { localFolder, run } from "../../../testing/cli/run";
import { type Engine, startEngine } from "../../../testing/engine";

let engine: Engine;
let cwd: string;
beforeAll(async () => {
  engine = await startEngine();
  cwd = await localFolder(engine);
});
afterAll(() => engine.stop());

const HTTP = ["--http-url", "http://127.0.0.1:9787"];
const command = (organizationId: string, ...words: string[]) =>
  run([...words, "--outputs", ".local/outputs.json", "-o", organizationId], {
    cwd,
    signal: new AbortController().signal,
  });
const register = (organizationId: string, ...words: string[]) =>
  command(organizationId, "agents", "register", "-a", "backup", ...HTTP, ...words);

describe("agents register --ping", () => {
  it("prints the ping URL once, with what it is for", async () => {
    const { code, stdout } = await register("text", "--ping", "--every", "1h", "--grace", "10m");
    expect(code).toBe(0);
    expect(stdout).toMatch(/due +every 1 h 0 min, grace 10:00\n/);
    expect(stdout).toMatch(/ {2}curl -fsS http:\/\/127\.0\.0\.1:9787\/ping\/[\w.-]{30,}\n/);
    const got = await command("text", "agents", "get", "-a", "backup", "--json");
    const [, secret = "no secret"] = /ping\/\S+\.([\w-]{22})\n/.exec(stdout) ?? [];
    expect(got.stdout).not.toContain(secret);
    expect((await command("text", "agents", "list")).stdout).toContain("ping every 1 h 0 min");
    expect((await command("text", "why", "backup")).stdout).toContain("has never requested its");
  });

  it("prints it as pingUrl, for a cron schedule", async () => {
    const { stdout } = await register(
      "json",
      ...["--ping", "--cron", "0 3 * * *", "--timezone", "Europe/Berlin", "--max-run", "2h"],
      "--json",
    );
    expect(JSON.parse(stdout)).toMatchObject({
      role: "job",
      job: {
        cron: "0 3 * * *",
        timezone: "Europe/Berlin",
        graceMs: 600_000,
        maxRunMs: 7_200_000,
      },
      pingUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:9787\/ping\//),
    });
  });

  it.each<[string[], string]>([
    [["--ping"], "either --every or --cron"],
    [["--ping", "--every", "1h", "--cron", "* * * * *"], "either --every or --cron"],
    [["--ping", "--every", "5s"], "everyMs: expected milliseconds from 10000"],
    [["--ping", "--every", "soon"], "Expected a duration"],
    [["--ping", "--cron", "0 3 * *"], "five fields"],
    [["--ping", "--cron", "0 3 * * *", "--timezone", "Mars/Olympus"], "Mars/Olympus"],
    [["--ping", "--every", "1h", "--generate-key", "k.pem"], "--ping excludes"],
    [["--ping", "--every", "1h", "--role", "viewer"], "--ping excludes"],
    [["--every", "1h", "--generate-key", "k.pem"], "--every is for jobs: add --ping"],
    [["--max-run", "1h", "--generate-key", "k.pem"], "--max-run is for jobs"],
  ])("refuses %j, and registers nothing", async (words, message) => {
    const { code, stderr } = await register("refused", ...words);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect((await command("refused", "agents", "get", "-a", "backup")).code).toBe(3);
  });

  it("accepts an endpoint with a trailing slash", async () => {
    const words = ["agents", "register", "-a", "backup", "--ping", "--every", "1h", "--json"];
    const { stdout } = await command("slash", ...words, "--http-url", "http://127.0.0.1:9787/");
    expect(JSON.parse(stdout).pingUrl).toMatch(/^http:\/\/127\.0\.0\.1:9787\/ping\//);
  });

  it("says what to do if there is no endpoint", async () => {
    const words = ["agents", "register", "-a", "backup", "--ping", "--every", "1h"];
    const { code, stderr } = await command("without", ...words);
    expect(code).toBe(4);
    expect(stderr).toContain("--http-url");
  });
});

describe("agents rotate-key of a job", () => {
  it("prints another URL", async () => {
    const first = JSON.parse(
      (await register("rotate", "--ping", "--every", "1h", "--json")).stdout,
    );
    const words = ["agents", "rotate-key", "-a", "backup", ...HTTP, "--json"];
    const second = JSON.parse((await command("rotate", ...words)).stdout);
    expect(second.pingUrl).toMatch(/\/ping\//);
    expect(second.pingUrl).not.toBe(first.pingUrl);
    expect(second.publicKeys).toHaveLength(1);
    expect(second.publicKeys).not.toEqual(first.publicKeys);
    const { code, stderr } = await command("rotate", ...words, "--generate-key", "job.pem");
    expect([code, stderr.split("\n")[0]]).toEqual([
      2,
      "error: Agent backup is a job, which has a ping URL instead of a key.",
    ]);
  });
});

describe("agents import", () => {
  it("imports jobs as exported by agents list, and their URLs stay valid", async () => {
    await register("export", "--ping", "--every", "1h");
    const { stdout } = await command("export", "agents", "list", "--json");
    const moved = stdout.replaceAll('"organizationId":"export"', '"organizationId":"moved"');
    await writeFile(join(cwd, "agents.json"), moved.replaceAll('"export"', '"moved"'));
    const imported = await command("moved", "agents", "import", "agents.json");
    expect([imported.code, imported.stderr]).toEqual([0, ""]);
    const got = JSON.parse(
      (await command("moved", "agents", "get", "-a", "backup", "--json")).stdout,
    );
    const [before] = JSON.parse(stdout);
    expect(got).toMatchObject({ role: "job", job: before.job });
    expect(got.publicKeys[0].keyId).toBe(before.publicKeys[0].keyId);
  });

  it.each<[string, object, string]>([
    ["has terms that make no sense", { job: { everyMs: 1, graceMs: 1000 } }, "everyMs: expected"],
    ["has a text for terms", { job: "hourly" }, "job: expected an object"],
    ["has no terms", { job: undefined }, "role: expected agent, viewer, publisher"],
    ["is no job, and has terms", { role: "agent" }, "role: expected job, got agent"],
  ])("registers nothing of a file in which a job %s", async (_, wrong, message) => {
    await register("wrong", "--ping", "--every", "1h");
    const [record] = JSON.parse((await command("wrong", "agents", "list", "--json")).stdout);
    const file = [
      { ...record, agentId: "right" },
      { ...record, agentId: "other", ...wrong },
    ];
    await writeFile(join(cwd, "wrong.json"), JSON.stringify(file));
    const { code, stderr } = await command("wrong", "agents", "import", "wrong.json");
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect((await command("wrong", "agents", "get", "-a", "right")).code).toBe(3);
  });

  it.each(["enrolmentId", "ephemeralMs", "keptUntil"])(
    "takes records that have %s",
    async (name) => {
      await register("enrolled", "--ping", "--every", "1h");
      const { stdout } = await command("enrolled", "agents", "list", "--json");
      const [record] = JSON.parse(stdout);
      const value = name === "enrolmentId" ? "0123456789abcdef" : 3_600_000;
      const file = [{ ...record, agentId: name.toLowerCase(), [name]: value }];
      await writeFile(join(cwd, "enrolled.json"), JSON.stringify(file));
      const { code, stderr } = await command("enrolled", "agents", "import", "enrolled.json");
      expect([code, stderr]).toEqual([0, ""]);
    },
  );
});
