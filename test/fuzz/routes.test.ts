/** Every route with hostile messages, on the real engine. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Engine, startEngine } from "../../testing/engine";
import { runs } from "../../testing/fuzz/runs";
import { type Service, serviceOver } from "../../testing/fuzz/service";
import { hostileBody, TYPES } from "../../testing/fuzz/values";
import { putAgent } from "../../testing/login";
import { holder, routeEvent } from "../../testing/presence";

const NOW = 1_790_000_000_000;
const RUNS = runs(150);

/** The longest reply to an invalid message, whatever its length. */
const LONGEST_ERROR = 600;

const CODES = ["invalid_json", "invalid_message", "unknown_type", "forbidden"];

describe("a hostile message", () => {
  let engine: Engine;
  let service: Service;

  beforeAll(async () => {
    engine = await startEngine();
    service = serviceOver(engine);
    const { leases, subscriptions } = service;
    for (const [index, agentId] of ["a1", "a2"].entries()) {
      for (const organizationId of ["acme", "other"]) {
        const connectionId =
          agentId === "a1" && organizationId === "acme" ? "A=" : `${organizationId}-${index}`;
        await putAgent(engine.client, engine.registryTableName, [], { organizationId, agentId });
        await leases.acquire(holder({ organizationId, agentId, connectionId }), NOW);
        if (connectionId === "A=") continue;
        for (const pattern of [">", "presence.>"]) {
          await subscriptions.add({
            organizationId,
            agentId,
            connectionId,
            instanceId: "process-a",
            connectedAt: NOW,
            pattern,
          });
        }
      }
    }
  });
  beforeEach(() => {
    service.written.length = 0;
    service.connections.calls.length = 0;
    service.log.lines.length = 0;
  });
  afterAll(async () => {
    service.close();
    await engine.stop();
  });

  let now = NOW;
  /** Checks one message to one route. */
  async function judge(type: (typeof TYPES)[number] | "$default", body: string): Promise<void> {
    // One second apart, to stay within the rate limit.
    now += 1000;
    const event = routeEvent({ requestTimeEpoch: now, routeKey: type }, body);
    const { statusCode, body: answer } = await service.routes[type](event);
    expect(statusCode).toBe(200);
    expect(service.log.lines).toEqual([]);
    if (answer !== undefined) {
      const reply = JSON.parse(answer);
      if (reply.type === "error") {
        expect(CODES).toContain(reply.code);
        expect(answer.length).toBeLessThan(LONGEST_ERROR);
        expect(reply.message).toMatch(/expected|is missing|only the system|nobody may/);
      }
    }
    for (const key of service.written.splice(0)) {
      if (key.address !== undefined) {
        expect(key.address).toMatch(/^acme#/);
        // A subscription or a capability of its own connection, or the count of its own messages.
        const own = key.address?.startsWith("acme#capability#") ? /#A=$/ : /^A=#/;
        if (key.address !== "acme#sender#a1") expect(key.subscriber).toMatch(own);
      } else {
        expect(key.organizationId).toBe("acme");
        expect(key.agentId ?? key.recordId).toMatch(/^(agent#)?a1$/);
      }
    }
    for (const [call, connectionId] of service.connections.calls.splice(0)) {
      expect(call).toBe("post");
      expect(connectionId).toMatch(/^(A=|acme-)/);
    }
  }

  it.each(TYPES)(
    "of type %s is answered with what was expected, and affects nobody else",
    async (type) => {
      const property = fc.asyncProperty(hostileBody(type), (body) => judge(type, body));
      await fc.assert(property, { numRuns: RUNS });
    },
  );

  it("of no known type is answered in the same way", async () => {
    const bodies = fc.oneof(...TYPES.map(hostileBody));
    const property = fc.asyncProperty(bodies, (body) => judge("$default", body));
    await fc.assert(property, { numRuns: RUNS });
  });

  it("does not pollute prototypes", () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(({} as Record<string, unknown>).role).toBeUndefined();
  });
});
