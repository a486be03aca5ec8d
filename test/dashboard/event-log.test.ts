import { describe, expect, it } from "@jest/globals";
import type { Transition } from "../../core/presence";
import { EventLog } from "../../dashboard/src/fleet/event-log";
import { change, lost, NOON, presence } from "../../testing/dashboard/fake-fleet";

const online = presence("a");
const expired = lost("a", NOON, { reason: "lease_expired" });

describe("the event log", () => {
  it("records nothing for a heartbeat or for an agent seen for the first time", () => {
    const log = new EventLog();
    expect(log.record(change(null, online), NOON)).toBeNull();
    const renewed = presence("a", { lastHeartbeatAt: NOON + 1 });
    expect(log.record(change(online, renewed), NOON)).toBeNull();
    expect(log.events).toEqual([]);
  });

  it("records an expiry once when the service publishes it after the page noticed it", () => {
    const log = new EventLog();
    expect(log.record(change(online, expired), NOON)).toMatchObject({
      event: "offline",
      reason: "lease_expired",
      at: NOON,
    });
    const published = { transitionId: "t1", event: "offline", reason: "lease_expired", at: NOON };
    const transition = published as Transition;
    const again = { ...change(expired, expired), transition };
    expect(log.record(again, NOON + 240_000)).toBeNull();
    expect(log.events).toHaveLength(1);
  });

  it("records the same event twice if it happens twice", () => {
    const log = new EventLog();
    log.record(change(online, lost("a", NOON)), NOON);
    log.record(change(lost("a", NOON), presence("a", { since: NOON + 9000 })), NOON + 9000);
    log.record(change(online, lost("a", NOON + 20_000)), NOON + 20_000);
    expect(log.events.map(({ event }) => event)).toEqual(["offline", "online", "offline"]);
  });

  it("distinguishes a revived agent from one that connected", () => {
    const log = new EventLog();
    const back = presence("a", { since: NOON + 5000 });
    expect(log.record(change(expired, back), NOON)?.reason).toBe("revived");
    expect(log.record(change(lost("b", NOON), presence("b")), NOON)?.reason).toBe("connected");
  });

  it("records stalled and resumed work", () => {
    const log = new EventLog();
    const stalled = presence("a", { stalledSince: NOON });
    expect(log.record(change(online, stalled), NOON)?.event).toBe("stalled");
    expect(log.record(change(stalled, online), NOON + 1)?.event).toBe("recovered");
  });

  it("records the beginning of a drain, seen in a list or published", () => {
    const log = new EventLog();
    const draining = presence("a", { activity: { state: "draining" } });
    expect(log.record(change(online, draining), NOON)).toMatchObject({
      event: "draining",
      reason: "drain_started",
    });
    expect(log.record(change(draining, draining), NOON + 9000)).toBeNull();
    expect(log.record(change(draining, presence("a")), NOON + 9000)).toBeNull();
  });

  it("keeps the newest five thousand events only", () => {
    const log = new EventLog();
    for (let n = 0; n < 5001; n++) {
      log.record(change(presence(`a-${n}`), lost(`a-${n}`, NOON + n)), NOON);
    }
    expect(log.events).toHaveLength(5000);
    expect(log.events.at(-1)?.agentId).toBe("a-1");
  });
});
