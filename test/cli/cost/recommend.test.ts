/** The cheapest settings for a fleet, and the provisioned capacity among them. */

import { describe, expect, it } from "@jest/globals";
import { leastWriteUnits } from "../../../cli/src/cost/capacity";
import { estimate } from "../../../cli/src/cost/estimate";
import { dollars } from "../../../cli/src/cost/figures";
import { DEFAULT_FLEET, type Fleet, SECONDS_A_MONTH } from "../../../cli/src/cost/fleet";
import { type Recommendation, recommend } from "../../../cli/src/cost/recommend";
import { ALARM_METRICS, PROVISIONED } from "../../../cli/src/cost/units";
import { operationUnits } from "../../../cli/src/cost/usage";
import { capacityOf } from "../../../lib/status-table-capacity";
import { run } from "../../../testing/cli/run";

/** An account's default quota of new connections. */
const CONNECTS_PER_SECOND = 500;

const of = (fleet: Partial<Fleet> = {}) => estimate({ ...DEFAULT_FLEET, ...fleet });

const item = (fleet: Partial<Fleet>, what: string) =>
  of(fleet).agentHeartbeat.items.find((one) => one.what === what)?.quantity ?? 0;

describe("provisioned capacity of the status table", () => {
  const calm: Partial<Fleet> = { agents: 2000, minWriteUnits: 100, sweepSeconds: 300 };

  it("is billed by the hour, instead of by request", () => {
    expect(item(calm, "provisioned write units, hours")).toBe(100 * 730);
    expect(item(calm, "provisioned read units, hours")).toBe(5 * 730);
    const { reconnectsPerDay } = DEFAULT_FLEET;
    const logins = 2000 * (2_628_000 / 6000 + (reconnectsPerDay * 730) / 24);
    // Used tokens are in the registry, as are trends and the transitions of those who reconnect.
    const transitions = 2 * 2000 * reconnectsPerDay * (730 / 24);
    expect(item(calm, "write units")).toBeCloseTo(logins + 2 * transitions + 3 * 8760, 0);
    expect(item(calm, "read units")).toBeLessThan(
      item({ ...calm, minWriteUnits: 0 }, "read units"),
    );
    expect(item(calm, "metrics of alarms")).toBe(ALARM_METRICS.essential + PROVISIONED.alarms);
  });

  it("grows if the fleet uses more than its target utilization", () => {
    const hours = item({ ...calm, minWriteUnits: 10 }, "provisioned write units, hours");
    // 2,000 / 30 s of heartbeats, and 3 writes a rotation.
    expect(hours / 730).toBe(Math.ceil((2000 / 30 + 1 + (3 * 2000) / 86_400) / 0.7));
  });

  it("has the construct's read units, target and limits", () => {
    for (const minWriteUnits of [1, 150, 4000]) {
      const { minReadUnits, targetUtilization } = capacityOf({ minWriteUnits }) ?? {};
      expect(targetUtilization).toBe(PROVISIONED.targetUtilization);
      expect(minReadUnits).toBe(
        Math.max(PROVISIONED.minReadUnits, Math.ceil(minWriteUnits * PROVISIONED.readShare)),
      );
    }
    expect(capacityOf({ minWriteUnits: PROVISIONED.maxUnits })?.maxWriteUnits).toBe(
      PROVISIONED.maxUnits,
    );
  });

  it("is sized for the fleet's use, and for all of its agents to return at once", () => {
    const size = (fleet: Partial<Fleet>) => leastWriteUnits({ ...DEFAULT_FLEET, ...fleet });
    const steady = 2000 / 30 + 1 + (3 * 2000) / 86_400;
    expect(size({ agents: 2000 })).toBe(Math.ceil(steady / 0.7));
    // At a long interval the return of the fleet takes more: three writes an agent within five minutes.
    const seldom = 2000 / 300 + 1 + (3 * 2000) / 86_400;
    expect(size({ agents: 2000, intervalSeconds: 300 })).toBe(Math.ceil(seldom + 6000 / 300));
  });

  it.each([
    [100, 5],
    [2000, 30],
    [2000, 300],
    [50_000, 60],
  ])(
    "throttles nobody when %p agents with an interval of %p s return at once",
    (agents, intervalSeconds) => {
      const fleet: Fleet = { ...DEFAULT_FLEET, agents, intervalSeconds };
      const units = leastWriteUnits(fleet);
      const { statusWriteUnits } = operationUnits(fleet);
      // What DynamoDB keeps: the unused units of five minutes, of a fleet that was calm.
      let kept = PROVISIONED.burstSeconds * (units - statusWriteUnits / SECONDS_A_MONTH);
      let online = 0;
      for (let second = 0; online < agents; second += 1) {
        const logins = Math.min(CONNECTS_PER_SECOND, agents - online);
        // All connections end in the first second. A login is followed by a heartbeat.
        const writes = (second === 0 ? agents : 0) + 2 * logins + online / intervalSeconds;
        kept += units - writes;
        expect(kept).toBeGreaterThanOrEqual(0);
        online += logins;
      }
    },
  );
});

describe("recommended settings", () => {
  const TWO_THOUSAND: Fleet = { ...DEFAULT_FLEET, agents: 2000 };
  const usd = (fleet: Partial<Fleet>) => of({ ...TWO_THOUSAND, ...fleet }).agentHeartbeat.usd;
  const named = (found: Recommendation) => found.savings.map(({ setting }) => setting);

  it("save the difference between the bills, and do not delay the detection of a dead agent", () => {
    const found = recommend(TWO_THOUSAND);
    expect(named(found)).toEqual([
      "ackEvery: 10",
      `statusTableCapacity: { minWriteUnits: ${leastWriteUnits(TWO_THOUSAND)} }`,
    ]);
    const recommended = { ackEvery: 10, minWriteUnits: leastWriteUnits(TWO_THOUSAND) };
    expect(found.usd).toBeCloseTo(usd({}), 9);
    expect(found.recommendedUsd).toBeCloseTo(usd(recommended), 9);
    const saved = found.savings.reduce((sum, { saves }) => sum + saves, 0);
    expect(found.usd - saved).toBeCloseTo(found.recommendedUsd, 9);
  });

  it("never cost less than the platform charges for connections and heartbeats alone", () => {
    for (const intervalSeconds of [5, 30, 300, 540]) {
      const { floor, recommendedUsd } = recommend({ ...TWO_THOUSAND, intervalSeconds });
      const least = Object.values(floor).reduce((sum, part) => sum + part);
      expect(recommendedUsd).toBeGreaterThan(least);
      expect(recommendedUsd).toBeLessThan(least + (intervalSeconds === 30 ? 60 : 500));
    }
  });

  it("undo settings that cost more", () => {
    const dear: Partial<Fleet> = { alarms: "all", cloudWatchDashboard: true, sweepSeconds: 10 };
    expect(named(recommend({ ...TWO_THOUSAND, ...dear }))).toEqual(
      expect.arrayContaining([
        "sweepInterval: Duration.seconds(300)",
        "cloudWatchDashboard: false",
        'alarms: "essential"',
      ]),
    );
  });

  it("remove a domain that is billed for each heartbeat over HTTP, and no other domain", () => {
    const fleet = { ...DEFAULT_FLEET, agents: 2000, httpDomain: true };
    const http = { ...fleet, transport: "http" } as const;
    expect(item(http, "requests")).toBe((2000 * SECONDS_A_MONTH) / 30);
    expect(item({ ...http, httpDomain: false }, "requests")).toBe(0);
    expect(recommend(http)).toMatchObject({ recommended: { httpDomain: false } });
    expect(recommend(http).savings[0]?.setting).toBe("no httpDomain");
    expect(item(fleet, "requests")).toBe(0);
    expect(JSON.stringify(recommend(fleet).savings)).not.toContain("httpDomain");
  });

  it("leave a small fleet on demand, and change nothing in a fleet that already has them", () => {
    const small = recommend({ ...DEFAULT_FLEET, agents: 10 });
    expect(named(small)).toEqual(["ackEvery: 10"]);
    const minWriteUnits = leastWriteUnits({ ...TWO_THOUSAND, ackEvery: 10 });
    const done = recommend({ ...TWO_THOUSAND, ackEvery: 10, minWriteUnits });
    expect(done.savings).toEqual([]);
    expect(done.recommendedUsd).toBe(done.usd);
  });

  it("list settings that weaken a promise separately, each with its own savings", () => {
    const { weaker, recommendedUsd } = recommend(TWO_THOUSAND);
    expect(weaker.map(({ setting }) => setting)).toEqual([
      "heartbeatInterval: 300",
      "heartbeats over HTTP, without a WebSocket",
      "heartbeatInterval: 60, heartbeatTimeoutMultiplier: 1.5",
      "heartbeatInterval: 36, heartbeatTimeoutMultiplier: 2.5",
      "alarms: false",
    ]);
    const sixty: Fleet = { ...TWO_THOUSAND, ackEvery: 10, intervalSeconds: 60 };
    const fitted = usd({ ...sixty, minWriteUnits: leastWriteUnits(sixty) });
    expect(weaker[2]?.saves).toBeCloseTo(recommendedUsd - fitted, 9);
  });
});

describe("cost --recommend", () => {
  it("prints each setting, what it saves, and what it gives up", async () => {
    const { code, stdout } = await run(["cost", "--recommend", "--agents", "2000"]);
    expect(code).toBe(0);
    const { usd, savings, recommendedUsd, weaker } = recommend({ ...DEFAULT_FLEET, agents: 2000 });
    expect(stdout).toContain(`each acknowledged: ${dollars(usd)} a month.`);
    expect(stdout).toContain(`With these settings: ${dollars(recommendedUsd)} a month.`);
    expect(stdout).toContain(
      "An agent whose connection is dead without a close notices after 6:00",
    );
    for (const { setting, saves, inExchange } of [...savings, ...weaker]) {
      expect(stdout).toContain(`${setting}  (`);
      expect(stdout).toContain(`  saves ${dollars(saves)} a month. ${inExchange}`);
    }
  });

  it("prints JSON", async () => {
    const { stdout } = await run(["cost", "--recommend", "--json", "--alarms", "all"]);
    const fleet: Fleet = { ...DEFAULT_FLEET, alarms: "all" };
    const expected = JSON.parse(JSON.stringify(recommend(fleet)));
    expect(JSON.parse(stdout)).toEqual({ fleet, pricesOf: expect.any(String), ...expected });
  });
});
