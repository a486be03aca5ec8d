/** A flooding connection: its cost, its effect on others, and its close. */

import { beforeEach, describe, expect, it } from "@jest/globals";
import { RATES } from "../../../core/limits";
import { RateLimiter } from "../../../lambda/shared/rate-limiter";
import { type Service, serviceOver } from "../../../testing/fuzz/service";
import { routeEvent } from "../../../testing/presence";

const NOW = 1_790_000_000_000;
const { burst, perSecond } = RATES.heartbeat;

describe("a flood", () => {
  let service: Service;

  beforeEach(() => {
    service = serviceOver();
  });

  const send = async (
    type: keyof Service["routes"],
    agentId: string,
    at: number,
    fields: object = {},
  ) => {
    const context = { connectionId: `${agentId}=`, connectedAt: NOW, requestTimeEpoch: at };
    const event = routeEvent(context, { type, ...fields }, { agentId });
    const { body } = await service.routes[type](event);
    return body === undefined ? undefined : JSON.parse(body);
  };
  const writesOf = (agentId: string) =>
    service.written.filter((key) => key.agentId === agentId).length;

  it("of a thousand heartbeats a second costs no more than the burst and the rate", async () => {
    const SECONDS = 3;
    for (let count = 0; count < SECONDS * 1000; count++) {
      await send("heartbeat", "flooder", NOW + count, { id: `${count}` });
    }
    expect(writesOf("flooder")).toBeLessThanOrEqual(burst + SECONDS * perSecond);
  });

  it("does not affect the acks of other clients", async () => {
    const others = ["b1", "b2", "b3"];
    for (let second = 0; second < 5; second++) {
      const at = NOW + second * 5000;
      for (let count = 0; count < 200; count++) await send("heartbeat", "flooder", at + count);
      for (const other of others) {
        expect(await send("heartbeat", other, at)).toMatchObject({ type: "heartbeat_ack" });
      }
    }
    for (const other of others) expect(writesOf(other)).toBe(5);
  });

  it("is answered with what is allowed, and with each message's id", async () => {
    for (let count = 0; count < burst; count++) await send("heartbeat", "flooder", NOW);
    expect(await send("heartbeat", "flooder", NOW, { id: "m1" })).toEqual({
      type: "error",
      code: "rate_limited",
      message: `heartbeat: expected at most ${perSecond} a second, and ${burst} at once, got more`,
      id: "m1",
    });
    expect(await send("heartbeat", "flooder", NOW + 1000)).toMatchObject({ type: "heartbeat_ack" });
  });

  it.each([
    ["heartbeat", {}],
    ["profile", {}],
    ["subscribe", { subject: "a" }],
    ["unsubscribe", { subject: "a" }],
    ["publish", { subject: "a" }],
    ["list", {}],
    ["history", { agentId: "a1" }],
    ["$default", { type: "nonsense" }],
  ] as const)("of %s that continues is closed, logged once, and counted", async (type, fields) => {
    for (let count = 0; count < 20_000 && service.connections.calls.length === 0; count++) {
      await send(type, "flooder", NOW, fields);
    }
    expect(service.connections.calls).toEqual([["close", "flooder="]]);
    expect(service.metrics.counts).toEqual({ FloodsClosed: 1 });
    expect(service.log.lines).toEqual([
      expect.objectContaining({
        event: "flood_closed",
        agentId: "flooder",
        organizationId: "acme",
      }),
    ]);
  });
});

describe("the rate limiter", () => {
  it("never refuses a client that keeps to the rate, however late or disordered its messages arrive", () => {
    const rateLimiter = new RateLimiter({ perSecond: 1, burst: 2 });
    for (let second = 0; second < 1000; second += 2) {
      expect(rateLimiter.check("A=", NOW + (second + 1) * 1000)).toBe("admitted");
      expect(rateLimiter.check("A=", NOW + second * 1000)).toBe("admitted");
    }
  });

  it("accepts half the messages of a client that sends at twice its rate, and never closes it", () => {
    const rateLimiter = new RateLimiter(RATES.heartbeat);
    const outcomes: Record<string, number> = { admitted: 0, refused: 0, close: 0 };
    for (let half = 0; half < 7200; half++) {
      const outcome = rateLimiter.check("hasty", NOW + half * 500);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
    expect(outcomes.close).toBe(0);
    expect(outcomes.admitted).toBeGreaterThanOrEqual(3600);
    expect(outcomes.admitted).toBeLessThanOrEqual(3600 + burst);
  });

  it("remembers the most recently active connections", () => {
    const rateLimiter = new RateLimiter({ perSecond: 0, burst: 1 });
    expect(rateLimiter.check("flooder", NOW)).toBe("admitted");
    for (let count = 0; count < 9_000; count++) rateLimiter.check(`first-${count}`, NOW);
    expect(rateLimiter.check("flooder", NOW)).toBe("refused");
    for (let count = 0; count < 9_000; count++) rateLimiter.check(`second-${count}`, NOW);
    expect(rateLimiter.check("flooder", NOW)).toBe("refused");
    for (let count = 0; count < 10_000; count++) rateLimiter.check(`third-${count}`, NOW);
    expect(rateLimiter.check("flooder", NOW)).toBe("admitted");
  });
});
