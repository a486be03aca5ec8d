import { beforeEach, describe, expect, it } from "@jest/globals";
import { FleetStore, isBlind } from "../../dashboard/src/fleet/fleet-store";
import { flapsIn } from "../../dashboard/src/fleet/history-book";
import { FakeClock } from "../../testing/dashboard/fake-clock";
import { FakeFleet, lost, NOON, presence } from "../../testing/dashboard/fake-fleet";

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("what the page shows", () => {
  let clock: FakeClock;
  let fleet: FakeFleet;
  let store: FleetStore;
  let drawn: number;
  beforeEach(async () => {
    clock = new FakeClock();
    fleet = new FakeFleet(clock.now);
    store = new FleetStore(fleet, clock);
    drawn = 0;
    store.subscribe(() => {
      drawn += 1;
    });
    store.start();
    await settled();
    clock.advance(250);
    drawn = 0;
  });

  it("counts agents by health, draining and stalled ones apart", () => {
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

  it("is drawn once for changes that follow closely, and at once for one after a pause", () => {
    clock.advance(1000);
    fleet.show(presence("a"));
    clock.advance(0);
    expect(drawn).toBe(1);
    for (let n = 0; n < 1000; n++) fleet.show(presence(`agent-${n}`));
    clock.advance(249);
    expect(drawn).toBe(1);
    clock.advance(1);
    expect(drawn).toBe(2);
    expect(store.getSnapshot().agents).toHaveLength(1001);
  });

  it("is drawn less often the larger the fleet is, and at least once a second", () => {
    for (let n = 0; n < 20_000; n++) fleet.show(presence(`agent-${n}`));
    clock.advance(2000);
    drawn = 0;
    fleet.show(lost("agent-1", NOON));
    clock.advance(0);
    expect(drawn).toBe(1);
    fleet.show(lost("agent-2", NOON));
    clock.advance(999);
    expect(drawn).toBe(1);
    clock.advance(1);
    expect(drawn).toBe(2);
  });

  it("is the same value while nothing changes", () => {
    const before = store.getSnapshot();
    clock.advance(60_000);
    expect(store.getSnapshot()).toBe(before);
  });

  it("is blind while disconnected, says why, and forgets why when it sees again", () => {
    fleet.become("stale", { message: "the socket broke" });
    clock.advance(250);
    expect(isBlind(store.getSnapshot())).toBe(true);
    expect(store.getSnapshot().failure).toEqual({ message: "the socket broke" });
    fleet.become("live");
    clock.advance(250);
    expect(isBlind(store.getSnapshot())).toBe(false);
    expect(store.getSnapshot().failure).toBeNull();
  });

  it("has no count of agents for the time in which it was blind", () => {
    fleet.show(presence("a"));
    clock.advance(5000);
    fleet.become("stale");
    clock.advance(10_000);
    fleet.become("live");
    clock.advance(10_000);
    expect(store.trend.map(({ online }) => online)).toEqual([1, null, null, 1, 1]);
  });

  it("raises an alarm when many agents are lost within a minute, until they are back", () => {
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

  it("shows while the service suspects that it does not hear the agents", () => {
    const massExpiry = { suspectedAt: NOON, heldUntil: NOON + 300_000 };
    fleet.suspect(massExpiry);
    clock.advance(250);
    expect(store.getSnapshot().massExpiry).toEqual(massExpiry);
    fleet.suspect(null);
    clock.advance(250);
    expect(store.getSnapshot().massExpiry).toBeNull();
  });

  it("raises no alarm again for a loss that was dismissed", () => {
    for (const id of ["a", "b", "c"]) fleet.show(presence(id));
    for (const id of ["a", "b", "c"]) fleet.show(lost(id, clock.now()));
    clock.advance(250);
    expect(store.getSnapshot().massLoss).not.toBeNull();
    store.dismissLoss();
    clock.advance(250);
    expect(store.getSnapshot().massLoss).toBeNull();
  });

  it("raises no alarm when agents leave on purpose", () => {
    for (const id of ["a", "b", "c"]) fleet.show(presence(id));
    for (const id of ["a", "b", "c"]) fleet.show(lost(id, NOON, { reason: "client_closed" }));
    clock.advance(250);
    expect(store.getSnapshot().massLoss).toBeNull();
  });

  it("adds to an agent's history what happens while it is shown", async () => {
    const at = NOON - 10_000;
    const ids = { connectionId: "c", instanceId: "i" };
    fleet.histories.set("a", [
      { transitionId: "t2", event: "online", reason: "connected", at, ...ids },
      { transitionId: "t1", event: "offline", reason: "connection_lost", at: at - 1, ...ids },
    ]);
    fleet.show(presence("a"));
    store.wantHistories(["a"]);
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

  it("says of a history that can't be read why, and asks again when it is wanted again", async () => {
    store.wantHistories(["a"]);
    await settled();
    clock.advance(250);
    expect(store.getSnapshot().histories.get("a")).toMatchObject({
      state: "failed",
      problem: "no history of a",
    });
    fleet.histories.set("a", []);
    store.wantHistories(["a"]);
    await settled();
    clock.advance(250);
    expect(store.getSnapshot().histories.get("a")?.state).toBe("loaded");
  });
});
