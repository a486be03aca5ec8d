import { describe, expect, it } from "@jest/globals";
import { FLEET_SHARE, fleetFor, paceFor, shareOfAgent } from "../../../tools/chaos/capacity";

describe("the fleet of a run", () => {
  it("takes no more than its share of the machine, with its heartbeats and rotations together", () => {
    const free = Number.POSITIVE_INFINITY;
    // Each agent sends a heartbeat in two seconds, and opens a connection every 25 seconds.
    expect(fleetFor({ heartbeats: 301, connections: free }, FLEET_SHARE, 500)).toBe(200);
    expect(fleetFor({ heartbeats: free, connections: 30.1 }, FLEET_SHARE, 500)).toBe(250);
    const both = { heartbeats: 300, connections: 24 };
    expect(shareOfAgent(both)).toBeCloseTo(1 / 300);
    expect(fleetFor({ heartbeats: 301, connections: 24.1 }, FLEET_SHARE, 500)).toBe(100);
  });

  it("slows down if more agents are asked for than the machine carries", () => {
    const capacity = { heartbeats: 301, connections: 24.1 };
    const pace = (agents: number) =>
      paceFor(capacity, FLEET_SHARE, agents).options.heartbeatInterval;
    expect([10, 100, 101, 500].map(pace)).toEqual([2, 2, 3, 10]);
    const { leaseMs } = paceFor(capacity, FLEET_SHARE, 500);
    expect(leaseMs).toBe(30_000);
    expect(500 * shareOfAgent(capacity, paceFor(capacity, FLEET_SHARE, 500))).toBeLessThanOrEqual(
      FLEET_SHARE,
    );
  });

  it("has at most as many agents as were asked for", () => {
    expect(fleetFor({ heartbeats: 5000, connections: 1000 }, FLEET_SHARE, 500)).toBe(500);
  });
});
