import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HeartbeatAgent } from "@agent-heartbeat/sdk";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { folderWithOutputs, type RunOptions, run } from "../../../testing/cli/run";

const organizationId = `e2e-${randomUUID()}`;
const outputs = readFileSync(process.env.AGENT_HEARTBEAT_TARGET ?? "", "utf8");
const { webSocketUrl } = JSON.parse(outputs) as { webSocketUrl: string };

let cwd: string;
const { signal } = new AbortController();
const command = (words: string[], options: RunOptions = { signal }) =>
  run([...words, "--local", "--organization", organizationId], { cwd, ...options });

describe("messages that wait for an answer", () => {
  let worker: HeartbeatAgent;
  beforeAll(async () => {
    cwd = await folderWithOutputs(outputs);
    await command(["agents", "register", "-a", "adder", "--generate-key", "adder.pem"]);
    worker = new HeartbeatAgent({
      agentId: "adder",
      organizationId,
      url: webSocketUrl,
      privateKeyPath: join(cwd, "adder.pem"),
      capabilities: ["add"],
      signals: [],
      logger: null,
    });
    worker.onMessage("sums.add", (_, data) => {
      const { a, b } = data as { a: number; b: number };
      return { sum: a + b };
    });
    worker.onMessage("sums.fail", () => {
      throw new Error("the abacus is broken");
    });
    await worker.start();
  });
  afterAll(() => worker?.stop());

  const numbers = '{"a":1,"b":2}';

  it.each([
    ["of an agent", ["send", "adder", numbers, "--subject", "sums.add"]],
    ["of a subscriber", ["publish", "sums.add", numbers]],
    ["of an agent with a capability", ["publish", "sums.add", numbers, "--capability", "add"]],
  ])("print that %s", async (_, words) => {
    expect(await command([...words, "--wait"])).toMatchObject({
      code: 0,
      stdout: '{"sum":3}\n',
      stderr: "",
    });
    const { stdout } = await command([...words, "--wait", "--timeout", "1m", "--json"]);
    expect(JSON.parse(stdout)).toEqual({ answer: { sum: 3 } });
  });

  it.each([
    [["send", "adder", "1", "--subject", "sums.fail"], 1, "the abacus is broken"],
    [["send", "adder", "1", "--subject", "sums.other"], 1, "sums.other"],
    [["publish", "sums.other", "1"], 1, "`status` shows who is online"],
    [["send", "nobody", "1"], 3, "Agent nobody"],
    [["publish", "sums.*", "1"], 2, "Subject"],
    [["publish", "sums.add", "1", "--timeout", "25h"], 2, "--timeout: expected 1s to 24h."],
  ])("report why there is none: %j", async (words, code, error) => {
    const result = await command([...words, "--wait"]);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).toContain(error);
  });

  it("are not waited for without --wait", async () => {
    const { code, stderr } = await command(["publish", "sums.add", "1", "--timeout", "5s"]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining("--timeout needs --wait."),
    });
  });

  it("are not waited for after an interruption", async () => {
    const interrupted = { signal: AbortSignal.abort() };
    const words = ["send", "adder", numbers, "--subject", "sums.add", "--wait"];
    expect(await command(words, interrupted)).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });

  it("leave no agent behind", async () => {
    const listed = await command(["agents", "list", "--json"]);
    const shown = await command(["status", "--json"]);
    expect(listed.stdout + shown.stdout).toContain("adder");
    expect(listed.stdout + shown.stdout).not.toContain("cli-");
  });
});
