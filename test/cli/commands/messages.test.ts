import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ProfileStore } from "../../../lambda/profile/store";
import { recordingBus } from "../../../testing/cli/recording-bus";
import { localFolder, type RunOptions, run } from "../../../testing/cli/run";
import { type Engine, startEngine } from "../../../testing/engine";
import { putAgent } from "../../../testing/login";
import { offlineRow, onlineRow, putRows } from "../../../testing/status-rows";

const target = ["--local", "--organization", "acme"];

describe("a message", () => {
  let engine: Engine;
  let cwd: string;
  beforeAll(async () => {
    engine = await startEngine();
    cwd = await localFolder(engine);
    await putRows(engine.client, engine.statusTableName, [
      onlineRow(Date.now(), { agentId: "on" }),
      offlineRow(Date.now(), { agentId: "off" }),
    ]);
    const { client, registryTableName } = engine;
    const profiles = new ProfileStore(client, registryTableName);
    for (const [agentId, capability] of [
      ["on", "summarize"],
      ["off", "rest"],
    ] as const) {
      await putAgent(client, registryTableName, [], { agentId });
      const identity = { organizationId: "acme", agentId, fencingToken: 0 };
      await profiles.put(identity, { capabilities: [capability], metadata: {} });
    }
  });
  afterAll(() => engine.stop());

  const command = (words: string[], options: RunOptions = {}) =>
    run([...words, ...target], { cwd, ...options });

  it.each([
    [["send", "off"], 1, "Agent off is offline, and messages reach only connected agents."],
    [["drain", "off"], 1, "Agent off is offline, and messages reach only connected agents."],
    [["send", "ghost"], 3, "Agent ghost of organization acme has no status."],
    [["send", "on", "hello"], 2, "The data is not JSON"],
    [["send", "on", "1", "--subject", "a..b"], 2, 'Subject "a..b": expected tokens of'],
    [["publish", "tasks.*", "1"], 2, 'Subject "tasks.*": expected tokens of'],
    [
      ["publish", "a", "1", "--capability", "paint"],
      1,
      "No agent with the capability paint is online, and messages reach only connected agents.",
    ],
    [
      ["publish", "a", "1", "--capability", "rest"],
      1,
      "No agent with the capability rest is online, and messages reach only connected agents.",
    ],
    [["publish", "a", "--capability", ""], 2, "The capability has 0 characters: expected 1 to 64."],
    [
      ["publish", "a", "--capability", "x".repeat(65)],
      2,
      "The capability has 65 characters: expected 1 to 64.",
    ],
    [["publish", "presence.a1", "1"], 2, "Subject presence.a1: subjects that begin with presence"],
    [["publish", "_inbox.a1.x", "1"], 2, "Subject _inbox.a1.x: subjects that begin with _inbox"],
  ])("is not sent: %p", async (words, code, sentence) => {
    const result = await command(words);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).toContain(`error: ${sentence}`);
  });

  it.each([
    ["cut", '{"a": 1', "line 1, column 8: expected } before the end"],
    ["in Latin-1", Buffer.from('"\xfc"', "latin1"), "is not UTF-8 in line 1"],
    ["a program's", Buffer.from("abc\0def"), "is not a text file"],
    ["empty", "", "it is empty"],
    [
      "a number that would arrive as another one",
      "12345678901234567890",
      "line 1, column 1: expected a number",
    ],
  ])("is not sent if the standard input is %s", async (_, input, sentence) => {
    const { code, stderr } = await command(["publish", "tasks", "-"], { input });
    expect(code).toBe(2);
    expect(stderr).toContain(`The data is not JSON: ${sentence}`);
  });

  it.each([
    ["UTF-8 with a byte order mark", Buffer.from('\ufeff{"a": 1}\r\n')],
    ["UTF-16, as PowerShell pipes", Buffer.from('\ufeff{"a": 1}\r\n', "utf16le")],
  ])("is read from a pipe in %s", async (_, input) => {
    const { sent, eventBridge } = recordingBus("1");
    const { code } = await command(["publish", "tasks", "-"], { input, eventBridge });
    expect(code).toBe(0);
    expect(sent).toEqual([expect.objectContaining({ data: { a: 1 } })]);
  });

  it("may name a capability, which is published on the bus with it", async () => {
    const { sent, eventBridge } = recordingBus("1");
    const words = ["publish", "pages.summarize", "7", "--capability", "summarize"];
    const { code, stdout } = await command([...words, "--json"], { eventBridge });
    expect(code).toBe(0);
    const message = { subject: "pages.summarize", capability: "summarize" };
    expect(JSON.parse(stdout)).toEqual({ messageId: "1", ...message });
    expect(sent).toEqual([{ organizationId: "acme", ...message, data: 7 }]);
  });

  it("is not sent if it is larger than agents can receive", async () => {
    const input = JSON.stringify("x".repeat(128 * 1024 - 200));
    const fits = await command(["publish", "tasks", "-"], { input, eventBridge: refusing });
    expect(fits.stderr).toContain("refused the message: no such bus");
    const large = JSON.stringify("x".repeat(128 * 1024 - 100));
    const { code, stderr } = await command(["publish", "tasks", "-"], { input: large });
    expect(code).toBe(2);
    expect(stderr).toContain("and agents get at most 131072.");
  });

  it("fails if the event bus refuses it", async () => {
    const { code, stdout, stderr } = await command(["publish", "tasks"], { eventBridge: refusing });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("error: The event bus local refused the message: no such bus\n");
  });

  const refusing = async () =>
    ({
      send: async () => ({ Entries: [{ ErrorCode: "X", ErrorMessage: "no such bus" }] }),
    }) as never;
});
