import { beforeEach, describe, expect, it } from "@jest/globals";
import { FleetStore, isStale } from "../../dashboard/src/fleet/fleet-store";
import { flapsIn } from "../../dashboard/src/fleet/history-cache";
import { FakeClock } from "../../testing/dashboard/fake-clock";
import { FakeFleet, lost, NOON, presence } from "../../testing/dashboard/fake-fleet";

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("the fleet store", () => {
  let clock: FakeClock;
  let fleet: FakeFleet;
  let store: FleetStore;
  let updates: number;
  beforeEach(async () => {
    clock = new FakeClock();
    fleet = new FakeFleet(clock.now);
    store = new FleetStore(fleet, clock);
    updates = 0;
    store.subscribe(() => {
      updates += 1;
    });
    store.start();
    await settled();
    clock.advance(250);
    updates = 0;
  });

  it("counts agents by health, with draining and stalled ones separate", () => {
    fleet.show(presence("a"));
    fleet.show(presence("b", { activity: { state: "draining" } }));
    fleet.show(presence("c", { stalledSince: NOON }));
    fleet.show(lost("d", NOON));
    fleet.show(lost("e", NOON, { reason: "drained" }));
    clock.advance(250);
    expect(store.getSnapshot().counts).toEqual({
      online: 1,
      draining: 1,
      stalled: 1,
      offline: 2,
      lost: 1,
      total: 5,
    });
  });

  it("batches changes that follow closely, and shows a change after a pause at once", () => {
    clock.advance(1000);
    fleet.show(presence("a"));
    clock.advance(0);
    expect(updates).toBe(1);
    for (let n = 0; n < 1000; n++) fleet.show(presence(`agent-${n}`));
    clock.advance(249);
    expect(updates).toBe(1);
    clock.advance(1);
    expect(updates).toBe(2);
    expect(store.getSnapshot().agents).toHaveLength(1001);
  });

  it("updates less often for larger fleets, but at least once a second", () => {
    for (let n = 0; n < 20_000; n++) fleet.show(presence(`agent-${n}`));
    clock.advance(2000);
    updates = 0;
    fleet.show(lost("agent-1", NOON));
    clock.advance(0);
    expect(updates).toBe(1);
    fleet.show(lost("agent-2", NOON));
    clock.advance(999);
    expect(updates).toBe(1);
    clock.advance(1);
    expect(updates).toBe(2);
  });

  it("returns the same snapshot while nothing changes", () => {
    const before = store.getSnapshot();
    clock.advance(60_000);
    expect(store.getSnapshot()).toBe(before);
  });

  it("is stale with a reason while disconnected, and clears the reason when live again", () => {
    fleet.become("stale", { message: "the socket broke" });
    clock.advance(250);
    expect(isStale(store.getSnapshot())).toBe(true);
    expect(store.getSnapshot().failure).toEqual({ message: "the socket broke" });
    fleet.become("live");
    clock.advance(250);
    expect(isStale(store.getSnapshot())).toBe(false);
    expect(store.getSnapshot().failure).toBeNull();
  });

  it("has no count of agents for the time in which it was stale", () => {
    fleet.show(presence("a"));
    clock.advance(5000);
    fleet.become("stale");
    clock.advance(10_000);
    fleet.become("live");
    clock.advance(10_000);
    expect(store.trend.map(({ online }) => online)).toEqual([1, null, null, 1, 1]);
  });

  it("reports a mass loss when many agents are lost within a minute, until they are back", () => {
    for (const id of ["a", "b", "c", "d"]) fleet.show(presence(id));
    for (const id of ["a", "b"]) fleet.show(lost(id, clock.now()));
    clock.advance(30_000);
    expect(store.getSnapshot().massLoss).toBeNull();
    fleet.show(lost("c", clock.now()));
    clock.advance(250);
    expect(store.getSnapshot().massLoss).toEqual({ agentIds: ["a", "b", "c"], since: NOON + 250 });
    fleet.show(presence("a", { since: clock.now() }));
    clock.advance(250);
    expect(store.getSnapshot().massLoss).toBeNull();
  });

  it("shows a mass expiry that the service suspects", () => {
    const massExpiry = { suspectedAt: NOON, heldUntil: NOON + 300_000 };
    fleet.suspect(massExpiry);
    clock.advance(250);
    expect(store.getSnapshot().massExpiry).toEqual(massExpiry);
    fleet.suspect(null);
    clock.advance(250);
    expect(store.getSnapshot().massExpiry).toBeNull();
  });

  it("does not report a dismissed loss again", () => {
    for (const id of ["a", "b", "c"]) fleet.show(presence(id));
    for (const id of ["a", "b", "c"]) fleet.show(lost(id, clock.now()));
    clock.advance(250);
    expect(store.getSnapshot().massLoss).not.toBeNull();
    store.dismissLoss();
    clock.advance(250);
    expect(store.getSnapshot().massLoss).toBeNull();
  });

  it("reports no loss when agents leave intentionally", () => {
    for (const id of ["a", "b", "c"]) fleet.show(presence(id));
    for (const id of ["a", "b", "c"]) fleet.show(lost(id, NOON, { reason: "client_closed" }));
    clock.advance(250);
    expect(store.getSnapshot().massLoss).toBeNull();
  });

  it("adds new events to a history that is shown", async () => {
    const at = NOON - 10_000;
    const ids = { connectionId: "c", instanceId: "i" };
    fleet.histories.set("a", [
      { transitionId: "t2", event: "online", reason: "connected", at, ...ids },
      { transitionId: "t1", event: "offline", reason: "connection_lost", at: at - 1, ...ids },
    ]);
    fleet.show(presence("a"));
    store.requestHistories(["a"]);
    await settled();
    clock.advance(500);
    fleet.show(lost("a", clock.now()));
    clock.advance(500);
    const history = store.getSnapshot().histories.get("a");
    expect(history?.transitions.map(({ event }) => event)).toEqual([
      "offline",
      "online",
      "offline",
    ]);
    expect(flapsIn(history, NOON)).toBe(2);
    expect(flapsIn(history, NOON + 3_600_000 - 10_001)).toBe(1);
  });

  it("reports why a history could not be loaded, and retries on the next request", async () => {
    store.requestHistories(["a"]);
    await settled();
    clock.advance(250);
    expect(store.getSnapshot().histories.get("a")).toMatchObject({
      state: "failed",
      problem: "no history of a",
    });
    fleet.histories.set("a", []);
    store.requestHistories(["a"]);
    await settled();
    clock.advance(250);
    expect(store.getSnapshot().histories.get("a")?.state).toBe("loaded");
  });
});
