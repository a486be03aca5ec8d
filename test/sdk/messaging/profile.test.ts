import { ConfigurationError } from "@agent-heartbeat/sdk";
import { describe, expect, it } from "@jest/globals";
import { connectedAgent, fakeAgent } from "../../../testing/agents";
import type { FakeSocket } from "../../../testing/fake-runtime";

const SECOND = 1000;
const settled = () => new Promise((resolve) => setImmediate(resolve));

const sentProfiles = ({ sent }: FakeSocket) => sent.filter(({ type }) => type === "profile");
const reply = async (socket: FakeSocket, message: object) => {
  socket.post({ ...message, id: sentProfiles(socket).at(-1)?.id });
  await settled();
};

describe("capabilities and metadata", () => {
  it("are sent once in a process, over any number of connections", async () => {
    const options = { capabilities: ["summarize"], metadata: { version: "1.4.2" } };
    const { socket, runtime, accept } = await connectedAgent(options);
    expect(sentProfiles(socket)).toEqual([{ type: "profile", ...options, id: expect.any(String) }]);
    await reply(socket, { type: "profile_ack" });
    socket.peer.closed(1006, "");
    runtime.advance(SECOND);
    expect(sentProfiles(await accept(2))).toEqual([]);
  });

  it("are not sent if there are none", async () => {
    const { socket } = await connectedAgent();
    expect(sentProfiles(socket)).toEqual([]);
  });

  it("are sent again if the service failed or the connection broke", async () => {
    const { socket, runtime, accept } = await connectedAgent({ capabilities: ["a"] });
    await reply(socket, { type: "error", code: "internal", message: "the service failed" });
    expect(sentProfiles(socket)).toHaveLength(1);
    runtime.advance(15 * SECOND);
    socket.ack();
    expect(sentProfiles(socket)).toHaveLength(2);
    socket.peer.closed(1006, "");
    await settled();
    runtime.advance(SECOND);
    expect(sentProfiles(await accept(2))).toHaveLength(1);
  });

  it("that the server refuses are reported and not sent again", async () => {
    const warnings: string[] = [];
    const logger = { error() {}, warn: (line: string) => warnings.push(line) };
    const { socket } = await connectedAgent({ capabilities: ["a"], logger });
    await reply(socket, { type: "error", code: "forbidden", message: "not for viewers" });
    socket.ack();
    expect(sentProfiles(socket)).toHaveLength(1);
    expect(warnings).toEqual(["agent-1: not for viewers"]);
  });

  it("may be changed, also while earlier ones are in flight", async () => {
    const { agent, socket } = await connectedAgent({ capabilities: ["a"] });
    agent.setProfile({ capabilities: ["b"] });
    await reply(socket, { type: "profile_ack" });
    socket.ack();
    expect(sentProfiles(socket).at(-1)).toMatchObject({ capabilities: ["b"], metadata: {} });
    await reply(socket, { type: "profile_ack" });
    agent.setProfile({});
    expect(sentProfiles(socket).at(-1)).toMatchObject({ capabilities: [], metadata: {} });
    expect(sentProfiles(socket)).toHaveLength(3);
  });

  it.each([
    [{ capabilities: "all" }, "option capabilities: expected at most 50 texts"],
    [{ capabilities: [""] }, "option capabilities"],
    [{ capabilities: ["x".repeat(65)] }, "option capabilities"],
    [{ capabilities: Array(51).fill("x") }, "option capabilities"],
    [{ metadata: [1] }, "option metadata: expected an object, got [1]"],
    [{ metadata: null }, "option metadata: expected an object, got null"],
    [{ metadata: { n: 1n } }, "option metadata.n: expected JSON, got [object BigInt]"],
    [
      { metadata: { text: "é".repeat(2050) } },
      "expected at most 4096 bytes with capabilities, got 41",
    ],
  ])("%p are refused by the constructor", (options, message) => {
    const make = () => fakeAgent(options as never);
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(message);
  });
});
