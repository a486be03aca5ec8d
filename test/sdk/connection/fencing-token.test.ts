import { describe, expect, it } from "@jest/globals";
import { connectedAgent } from "../../../testing/agents";

describe("an agent's fencing token", () => {
  it("is the time of its lease's renewal, which the service sends if its clocks differ", async () => {
    const { agent, socket } = await connectedAgent();
    const tokens: unknown[] = [];
    agent.on("heartbeatAck", ({ fencingToken }) => tokens.push(fencingToken));
    const ack = { type: "heartbeat_ack", serverTime: 5000, leaseExpiresAt: 95_000 };
    socket.post({ ...ack, fencingToken: 6001 });
    socket.post({ ...ack, serverTime: 7000 });
    expect(tokens).toEqual([6001, 7000]);
  });
});
