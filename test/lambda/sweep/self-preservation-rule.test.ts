import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  isMassExpiry,
  nextAction,
  type SelfPreservationAction,
  type SelfPreservationTerms,
} from "../../../lambda/sweep/self-preservation-rule";
import { type FleetHistory, LEASE_MS, simulateFleet } from "../../../testing/fleet-history";

const MINUTE = 60_000;
const TERMS: SelfPreservationTerms = { share: 0.5, minimum: 20, holdMs: 5 * MINUTE };
const START = 3 * MINUTE;
const AGAIN = 15 * MINUTE;

type Judge = typeof nextAction;

const ANY_SWEEP = [10_000, 30_000, MINUTE, 5 * MINUTE];

const fleets = (...sweeps: number[]) =>
  fc.constantFrom(...sweeps).chain((sweepMs) =>
    fc.record({
      sweepMs: fc.constant(sweepMs),
      sweepPhaseMs: fc.nat(sweepMs),
      agents: fc.integer({ min: 20, max: 45 }),
    }),
  );

/** Two outages of up to five minutes, in which no agent dies. */
const outages = (heardByGateway: boolean, ...sweeps: number[]): fc.Arbitrary<FleetHistory> =>
  fc
    .tuple(fleets(...sweeps), fc.nat(5 * MINUTE), fc.nat(5 * MINUTE))
    .map(([fleet, first, second]) => ({
      ...fleet,
      heardByGateway,
      dead: 0,
      diesAt: 0,
      outages: [
        { from: START, to: START + first },
        { from: AGAIN, to: AGAIN + second },
      ],
      until: 27 * MINUTE,
    }));

/** A fleet in which some agents die at the same time. */
const losses = (dead: (agents: number) => fc.Arbitrary<number>): fc.Arbitrary<FleetHistory> =>
  fleets(...ANY_SWEEP).chain((fleet) =>
    dead(fleet.agents).map((count) => ({
      ...fleet,
      heardByGateway: true,
      dead: count,
      diesAt: START,
      outages: [],
      until: 27 * MINUTE,
    })),
  );

const many = losses((agents) =>
  fc.integer({ min: Math.max(20, Math.floor(agents / 2) + 1), max: agents }),
);
const few = losses((agents) =>
  fc.integer({ min: 0, max: Math.max(19, Math.floor(agents / 2)) }).map((n) => Math.min(n, agents)),
);

/** Exactly the dead agents are reported, within a bound after the last lease. */
function expiresTheDead(history: FleetHistory, judge: Judge, withinMs: number): boolean {
  const { reported } = simulateFleet(history, TERMS, judge);
  const agents = new Set(reported.map(({ agent }) => agent));
  const latest = START + LEASE_MS + 2000 + withinMs;
  return (
    agents.size === history.dead &&
    reported.every(({ agent, at }) => agent < history.dead && at <= latest)
  );
}

const PROPERTIES: Record<string, (judge: Judge) => fc.IProperty<unknown>> = {
  "expires nobody during outages of five minutes while connections are active": (judge) =>
    fc.property(
      outages(true, ...ANY_SWEEP),
      (history) => simulateFleet(history, TERMS, judge).reported.length === 0,
    ),
  "expires nobody during such outages without active connections, if sweeps are frequent": (
    judge,
  ) =>
    fc.property(
      outages(false, 10_000),
      (history) => simulateFleet(history, TERMS, judge).reported.length === 0,
    ),
  "expires a loss of more than half of the fleet within the bound": (judge) =>
    fc.property(many, (history) =>
      expiresTheDead(history, judge, TERMS.holdMs + 2 * history.sweepMs),
    ),
  "expires a smaller loss with the next sweep": (judge) =>
    fc.property(few, (history) => expiresTheDead(history, judge, history.sweepMs)),
  "confirms a loss of more than half of the fleet, and no outage": (judge) =>
    fc.property(many, outages(false, 10_000), (loss, outage) => {
      const confirmed = (history: FleetHistory) =>
        simulateFleet(history, TERMS, judge).actions.includes("confirm");
      return confirmed(loss) && !confirmed(outage);
    }),
  "leaves the suspected state every time": (judge) =>
    fc.property(fc.oneof(outages(false, ...ANY_SWEEP), many), (history) => {
      const { actions } = simulateFleet(history, TERMS, judge);
      const count = (...wanted: string[]) => actions.filter((one) => wanted.includes(one)).length;
      return (
        count("suspect") === count("confirm", "recover") && count("confirm") === count("forget")
      );
    }),
};

const runs = { numRuns: 100, seed: 7, endOnFailure: true };

describe("the rule of self-preservation", () => {
  it.each(Object.entries(PROPERTIES))("%s", (_, property) => {
    fc.assert(property(nextAction), runs);
  });

  const instead =
    (wrong: Partial<Record<SelfPreservationAction, SelfPreservationAction>>): Judge =>
    (...args) => {
      const action = nextAction(...args);
      return wrong[action] ?? action;
    };
  const changed =
    (change: (...args: Parameters<Judge>) => Parameters<Judge>): Judge =>
    (...args) =>
      nextAction(...change(...args));

  it.each<[string, Judge]>([
    ["never suspects", instead({ suspect: "act" })],
    ["does not hold what it suspects", instead({ hold: "act" })],
    ["holds forever", instead({ confirm: "hold" })],
    ["confirms nothing", instead({ confirm: "recover" })],
    ["does not see that everyone is back", instead({ recover: "hold" })],
    ["never forgets what it confirmed", instead({ forget: "act" })],
    [
      "looks only at leases that are over",
      changed((s, counts, ...rest) => [
        s,
        { ...counts, online: counts.online, overdue: 0 },
        ...rest,
      ]),
    ],
    [
      "looks only at leases that run",
      changed((s, counts, ...rest) => [s, { ...counts, over: 0 }, ...rest]),
    ],
    ["has no minimum", changed((s, t, c, n, terms) => [s, t, c, n, { ...terms, minimum: 0 }])],
    [
      "has a larger minimum",
      changed((s, t, c, n, terms) => [s, t, c, n, { ...terms, minimum: 30 }]),
    ],
    ["has a smaller share", changed((s, t, c, n, terms) => [s, t, c, n, { ...terms, share: 0.3 }])],
    ["has a larger share", changed((s, t, c, n, terms) => [s, t, c, n, { ...terms, share: 0.99 }])],
    [
      "ends before its time",
      changed((s, t, c, n, terms) => [
        s && { ...s, heldUntil: s.heldUntil - 2 * MINUTE },
        t,
        c,
        n,
        terms,
      ]),
    ],
    [
      "ends long after its time",
      changed((s, t, c, n, terms) => [
        s && { ...s, heldUntil: s.heldUntil + 15 * MINUTE },
        t,
        c,
        n,
        terms,
      ]),
    ],
  ])("is detected as broken if it %s", (_, judge) => {
    // A few runs of every property find most of them, before many runs of each.
    const found = [10, runs.numRuns].some((numRuns) =>
      Object.values(PROPERTIES).some(
        (property) => fc.check(property(judge), { ...runs, numRuns }).failed,
      ),
    );
    expect(found).toBe(true);
  });

  it.each([
    [{ online: 20, overdue: 0, stalled: 0, over: 20 }, false],
    [{ online: 19, overdue: 0, stalled: 0, over: 20 }, true],
    [{ online: 39, overdue: 20, stalled: 0, over: 0 }, true],
    [{ online: 0, overdue: 0, stalled: 0, over: 19 }, false],
    [{ online: 0, overdue: 0, stalled: 0, over: 20 }, true],
    [{ online: 0, overdue: 0, stalled: 0, over: 0 }, false],
  ])("considers %j a mass expiry: %s", (counts, mass) => {
    expect(isMassExpiry(counts, TERMS)).toBe(mass);
  });

  it("ends nothing after seeing only a part of the table", () => {
    const standing = { heldUntil: 10 * MINUTE };
    const quiet = { online: 50, overdue: 0, stalled: 0, over: 0 };
    expect(nextAction(standing, quiet, false, 0, TERMS)).toBe("hold");
    expect(nextAction(standing, quiet, true, 0, TERMS)).toBe("recover");
    const confirmed = { ...standing, confirmedAt: 0 };
    expect(nextAction(confirmed, quiet, false, 0, TERMS)).toBe("act");
    expect(nextAction(confirmed, quiet, true, 0, TERMS)).toBe("forget");
  });
});
