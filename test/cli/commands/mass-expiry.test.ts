import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { SelfPreservationStore } from "../../../lambda/sweep/self-preservation-store";
import { localFolder, type RunOptions, run } from "../../../testing/cli/run";
import { type Engine, startEngine } from "../../../testing/engine";
import { onlineRow, putRows } from "../../../testing/status-rows";

describe("while the service is in self-preservation", () => {
  const suspectedAt = Date.now() - 60_000;
  let engine: Engine;
  let cwd: string;
  beforeAll(async () => {
    engine = await startEngine();
    cwd = await localFolder(engine);
    const silent = onlineRow(Date.now() - 120_000);
    await putRows(engine.client, engine.statusTableName, [silent]);
    await new SelfPreservationStore(engine.client, engine.registryTableName).begin("acme", {
      suspectedAt,
      heldUntil: suspectedAt + 300_000,
      silent: 30,
      online: 40,
      sample: { probed: 20, active: 20, silent: 0, gone: 0 },
    });
  });
  afterAll(() => engine.stop());

  const told = async (...args: string[]) => {
    const { stdout } = await run([...args, "--local", "-o", "acme"], {
      cwd,
      reach: async () => 401,
    });
    return stdout.replace(/\n/g, " ");
  };
  const SENTENCE =
    /very many agents fell silent at once 1:0\d ago, so the service itself may be at fault; unless they come back, it publishes their offline events in (4:00|3:5\d)/;

  it.each([
    ["status", "a1 +○ offline"],
    ["why", "The table still stores it as online: "],
    ["doctor", "silent agents"],
  ])("%s says so", async (command, also) => {
    const text = await told(...(command === "why" ? ["why", "a1"] : [command]));
    expect(text).toMatch(SENTENCE);
    expect(text).toMatch(new RegExp(also));
  });

  const watched = async (terminal: RunOptions) => {
    const interruption = new AbortController();
    return run(["status", "--watch", "--local", "-o", "acme"], {
      cwd,
      signal: interruption.signal,
      wait: async () => interruption.abort(),
      ...terminal,
    });
  };

  it("status --watch says so above the table, in lines that fit, and among the changes", async () => {
    const { stdout } = await watched({ isTTY: true, columns: 80, rows: 20 });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal is sent
    const lines = stdout.replace(/\u001b\[[?\d]*\w/g, "").split("\n");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    expect(lines.join(" ")).toMatch(SENTENCE);
    const { stdout: changes, stderr } = await watched({});
    expect(stderr).toMatch(SENTENCE);
    expect(changes).toMatch(/a1 +offline/);
  });

  it("why blames the service, not the agent", async () => {
    const text = await told("why", "a1");
    expect(text).toContain("runbook MassExpirySuspected");
    expect(text).not.toContain("Its process hangs");
  });
});
