import { describe, expect, it } from "@jest/globals";
import { FLEET_SHARE, fleetFor } from "../../../tools/chaos/capacity";

describe("the fleet of a run", () => {
  it("sends no more heartbeats than its share of what the machine acknowledges", () => {
    // Each agent sends one in two seconds.
    expect(fleetFor(300, FLEET_SHARE, 500)).toBe(200);
    expect(fleetFor(90, FLEET_SHARE, 500)).toBe(60);
  });

  it("has at most as many agents as were asked for", () => {
    expect(fleetFor(5000, FLEET_SHARE, 500)).toBe(500);
  });
});
