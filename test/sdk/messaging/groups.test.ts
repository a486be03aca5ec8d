import { ConfigurationError } from "@agent-heartbeat/sdk";
import { describe, expect, it } from "@jest/globals";
import { connectedAgent, fakeAgent } from "../../../testing/agents";
import type { FakeSocket } from "../../../testing/fake-runtime";

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** What was asked for on a connection. */
const asked = ({ sent }: FakeSocket) =>
  sent
    .filter(({ type }) => type === "subscribe" || type === "unsubscribe")
    .map(({ type, subject, group }) => [type, subject, group]);

describe("a handler in a group", () => {
  it("has its own subscription, which ends with the last handler of the group", async () => {
    const { agent, socket } = await connectedAgent();
    const [first, second] = [1, 2].map(() => agent.onMessage("a.*", () => {}, { group: "g" }));
    agent.onMessage("a.*", () => {});
    socket.settleSubscriptions();
    expect(asked(socket)).toEqual([
      ["subscribe", "a.*", "g"],
      ["subscribe", "a.*", undefined],
    ]);
    first?.();
    expect(asked(socket)).toHaveLength(2);
    second?.();
    expect(asked(socket).slice(2)).toEqual([["unsubscribe", "a.*", "g"]]);
  });

  it("is subscribed again on the next connection", async () => {
    const { agent, runtime } = fakeAgent();
    agent.onMessage("a", () => {}, { group: "g" });
    void agent.start().catch(() => undefined);
    const socket = await runtime.socket(1);
    socket.peer.opened();
    socket.ack();
    await settled();
    socket.peer.closed(1006, "");
    runtime.advance(1000);
    const next = await runtime.socket(2);
    next.peer.opened();
    next.ack();
    await settled();
    expect(asked(next)).toEqual([["subscribe", "a", "g"]]);
  });

  it("receives messages to its group, and those to the agent itself", async () => {
    const { agent, socket } = await connectedAgent();
    const got: string[] = [];
    const handler = (name: string) => (_: string, data: unknown) =>
      void got.push(`${name} ${data}`);
    agent.onMessage("a.b", handler("plain"));
    agent.onMessage("a.*", handler("g"), { group: "g" });
    agent.onMessage("a.b", handler("h"), { group: "h" });
    const post = (data: number, more: object = {}) =>
      socket.post({
        type: "message",
        messageId: `groups-${data}`,
        subject: "a.b",
        data,
        from: "x",
        ...more,
      });
    post(1);
    post(2, { group: "g" });
    post(3, { group: "of others" });
    post(4, { direct: true });
    await settled();
    await settled();
    expect(got.sort()).toEqual(["g 2", "g 4", "h 4", "plain 1", "plain 4"]);
  });

  it.each(["", "a b", "a!b", "x".repeat(129), 7, null])(
    "can't be in the group %p",
    async (group) => {
      const { agent } = fakeAgent();
      const options = { group: group as string };
      expect(() => agent.onMessage("a", () => {}, options)).toThrow(ConfigurationError);
      expect(() => agent.onMessage("a", () => {}, options)).toThrow("option group: expected");
    },
  );
});
