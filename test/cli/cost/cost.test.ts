import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { Template } from "aws-cdk-lib/assertions";
import { advice, estimate } from "../../../cli/src/cost/estimate";
import { dollars, quantity } from "../../../cli/src/cost/figures";
import { DEFAULT_FLEET, type Fleet, REGIONS } from "../../../cli/src/cost/fleet";
import measured from "../../../cli/src/cost/measured.json";
import { priceOf, pricesIn } from "../../../cli/src/cost/prices";
import { recommend } from "../../../cli/src/cost/recommend";
import { ALARM_METRICS, METRICS, SWEEP } from "../../../cli/src/cost/units";
import { TREND_INTERVAL_MS } from "../../../core/trend-record";
import { nothingDone, publish, type SweepReport } from "../../../lambda/sweep/report";
import { TRANSITION_REASONS } from "../../../lib/metrics";
import { run } from "../../../testing/cli/run";
import { templateOf } from "../../../testing/templates";
import { blocks, chart } from "../../../tools/docs/cost-page";

const ROOT = join(__dirname, "../../..");
const CHART = join(ROOT, "docs/cost.svg");
const BLOCK = /<!-- generated: (\w+) -->\n(?:(?!<!-- end -->)[\s\S])*<!-- end -->/g;

const of = (fleet: Partial<Fleet> = {}, handlerMs?: number) =>
  estimate({ ...DEFAULT_FLEET, ...fleet }, handlerMs);

/** Every count of a sweep is above zero. */
const EVENTFUL = {
  ...Object.fromEntries(Object.keys(nothingDone()).map((name) => [name, 1])),
  finished: false,
} as unknown as SweepReport;

const item = (fleet: Partial<Fleet>, what: string) =>
  of(fleet).agentHeartbeat.items.find((one) => one.what === what)?.quantity ?? 0;

describe("the billing units", () => {
  type Measured = { operation: string; units: Record<string, number> };
  type Report = { figures: { operations: Measured[] } };

  it("are those that the benchmark counted (UPDATE_DOCS=1 updates them)", async () => {
    const text = await readFile(join(ROOT, "tools/bench/billing-units/report.json"), "utf8");
    const { operations } = (JSON.parse(text) as Report).figures;
    const counted = Object.keys(measured).map((name) => {
      const found = operations.find(({ operation }) => operation === name);
      // Posts to connections are among the messages.
      const { connectionCalls, ...units } = found?.units ?? {};
      return [name, units] as const;
    });
    const expected = `${JSON.stringify(Object.fromEntries(counted), undefined, 2)}\n`;
    const file = join(ROOT, "cli/src/cost/measured.json");
    if (process.env.UPDATE_DOCS) await writeFile(file, expected);
    expect(await readFile(file, "utf8")).toBe(expected);
  });

  it("of a sweep grow with the fleet, and store its trend as often as the sweep does", () => {
    expect(SWEEP.readUnits + 1000 * SWEEP.readUnitsPerAgent).toBeCloseTo(
      measured["sweep of 1000, none expired"].readUnits,
      9,
    );
    expect(SWEEP.statusReadUnitsPerAgent).toBeCloseTo(SWEEP.readUnitsPerAgent, 3);
    expect(SWEEP.trendSeconds * 1000).toBe(TREND_INTERVAL_MS);
  });

  it("include every metric of the functions", async () => {
    const lambda = join(ROOT, "lambda");
    const files = (await readdir(lambda, { recursive: true })).filter((name) => /\.ts$/.test(name));
    const texts = await Promise.all(files.map((name) => readFile(join(lambda, name), "utf8")));
    const metrics = texts.flatMap((text) => text.match(/addMetric\("[A-Za-z]+"/g) ?? []);
    const ofSweep: string[] = [];
    const sink = { addMetric: (name: string) => ofSweep.push(name), publishStoredMetrics: () => 0 };
    publish(EVENTFUL, sink);
    // With a dimension: the reason, and the step, which is always the same.
    expect(texts.join("").match(/count\("[A-Za-z]+"/g)).toEqual([
      'count("Transitions"',
      'count("DisplacementsFailed"',
    ]);
    const reasons = Object.keys(TRANSITION_REASONS).length;
    // Those of message routes are counted for each function, here as one, and for all of them together.
    const ofRoutes = ["RouteFailures", "FloodsClosed"];
    expect(
      [...new Set(metrics)].filter((one) => ofRoutes.some((name) => one.includes(name))),
    ).toHaveLength(2);
    expect(new Set(metrics).size + ofSweep.length + ofRoutes.length + reasons + 1).toBe(
      METRICS.all,
    );
  });

  it("have one metric that is published while nothing happens", () => {
    const names: string[] = [];
    const sink = { addMetric: (name: string) => names.push(name), publishStoredMetrics: () => 0 };
    publish({ ...nothingDone(), online: 0, overdue: 0 }, sink);
    expect(names).toEqual(["AgentsOnline"]);
    expect(names).toHaveLength(METRICS.always);
  });
});

describe("what the stack has in CloudWatch", () => {
  const resources = (name: "default" | "all", type: string) =>
    Object.values(Template.fromJSON(templateOf(name)).findResources(type));

  it.each([
    ["default", "essential"],
    ["all", "all"],
  ] as const)("are, in the stack %p, the metrics of alarms of %p", (stack, alarms) => {
    type Properties = { Metrics?: { MetricStat?: object }[] };
    const metrics = resources(stack, "AWS::CloudWatch::Alarm").flatMap(({ Properties }) => {
      const { Metrics = [{ MetricStat: {} }] } = Properties as Properties;
      return Metrics.filter(({ MetricStat }) => MetricStat);
    });
    expect(metrics).toHaveLength(ALARM_METRICS[alarms]);
  });

  it("is no dashboard by default", () => {
    expect(resources("default", "AWS::CloudWatch::Dashboard")).toEqual([]);
  });
});

describe("the price of a fleet", () => {
  it("has one message in, one out, one invocation and one write unit a heartbeat", () => {
    // 1,000 agents x 2,628,000 s a month / 30 s.
    const heartbeats = 87_600_000;
    const calm: Partial<Fleet> = { reconnectsPerDay: 0 };
    const rotations = (1000 * 2_628_000) / 6000;
    expect(item(calm, "messages")).toBeCloseTo(2 * (heartbeats + rotations), 0);
    expect(item(calm, "write units")).toBeCloseTo(heartbeats + 4 * rotations + 3 * 8760, 0);
    expect(item(calm, "invocations")).toBeCloseTo(heartbeats + 4 * rotations + 8760, 0);
    expect(item(calm, "connection minutes")).toBe(43_800_000);
    expect(item(calm, "events")).toBe(0);
  });

  it("falls with a longer interval, and with fewer acks", () => {
    const usd = (fleet: Partial<Fleet>) => of(fleet).agentHeartbeat.usd;
    expect(usd({ intervalSeconds: 60 })).toBeLessThan(usd({}) * 0.6);
    expect(usd({ ackEvery: 10 })).toBeLessThan(usd({}) * 0.75);
    expect(item({ ackEvery: 10 }, "write units")).toBeCloseTo(item({}, "write units"), 0);
  });

  it("rises with every kind of activity, but not with the timeout", () => {
    const usd = (fleet: Partial<Fleet>) => of(fleet).agentHeartbeat.usd;
    for (const more of [
      { reconnectsPerDay: 20 },
      { messagesPerDay: 100 },
      { subscriptions: 5 },
      { sweepSeconds: 60 },
      { sweepSeconds: 10 },
      { region: "eu-west-1" as const },
    ]) {
      expect(usd(more)).toBeGreaterThan(usd({}));
    }
    expect(of({}, 50).agentHeartbeat.usd).toBeGreaterThan(usd({}));
    const patient = of({ timeoutMultiplier: 10 });
    expect(patient.agentHeartbeat).toMatchObject({ usd: usd({}), detectionSeconds: 300 });
  });

  it("includes an invocation a minute, billed while it waits, for sweeps that are closer together", () => {
    const of = (sweepSeconds: number, what: string) => item({ sweepSeconds }, what);
    expect(of(10, "invocations")).toBeCloseTo(of(60, "invocations"), 3);
    expect(of(10, "read units") - of(60, "read units")).toBeCloseTo(5 * 43_800 * 39, 0);
    // 50 s of waiting and one pass of half a second a minute, at 0.5 GB, instead of the pass alone.
    expect(of(10, "GB-seconds") - of(60, "GB-seconds")).toBeCloseTo(43_800 * 50 * 0.5, 0);
  });

  it("is the sum of its items", () => {
    for (const region of REGIONS) {
      for (const bill of Object.values(of({ region })).filter(isBill)) {
        const sum = bill.items.reduce((total, { usd }) => total + usd, 0);
        expect(bill.usd).toBeCloseTo(sum, 9);
      }
    }
  });

  it("says plainly when IoT Core costs less, and what the difference buys", () => {
    const { cheaper, agentHeartbeat, iotCore } = of();
    expect(cheaper).toBe("iotCore");
    const times = Math.round(agentHeartbeat.usd / iotCore.usd);
    expect(advice(of())[0]).toContain(`AWS IoT Core costs less, ${times} times`);
    expect(advice({ ...of(), cheaper: "agentHeartbeat" })[0]).toContain("costs less here");
  });
});

describe("a price", () => {
  it("has contiguous tiers", () => {
    const { webSocketMessage } = pricesIn("us-east-1");
    expect(priceOf(webSocketMessage, 1e6)).toBeCloseTo(1, 9);
    expect(priceOf(webSocketMessage, 1e9)).toBeCloseTo(1000, 6);
    expect(priceOf(webSocketMessage, 2e9)).toBeCloseTo(1800, 6);
    expect(priceOf(webSocketMessage, 0)).toBe(0);
  });

  it.each([
    [0, "$0.00"],
    [0.001, "< $0.01"],
    [269.255, "$269.26"],
    [3487.4, "$3,487"],
  ])("of %p is shown as %p", (usd, text) => expect(dollars(usd)).toBe(text));

  it.each([
    [1000, "1,000"],
    [0.03, "0.03"],
    [87_600_000, "87.6 million"],
    [4.38e9, "4.38 billion"],
  ])("is of a quantity: %p is shown as %p", (value, text) => expect(quantity(value)).toBe(text));
});

describe("cost", () => {
  it("needs no deployment, and shows both bills and which prices could not be confirmed", async () => {
    const { code, stdout } = await run(["cost", "--agents", "500", "--region", "eu-west-1"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^500 agents in eu-west-1, a heartbeat every 30 s, each acknowledged\./);
    expect(stdout).toMatch(
      /^Agent Heartbeat: \$\d+\.\d\d a month \(a silent death shows within 1:30\)$/m,
    );
    expect(stdout).toMatch(
      /^AWS IoT Core: \$\d+\.\d\d a month \(a silent death shows within 45 s\)$/m,
    );
    expect(stdout).toMatch(/^API Gateway +messages +88\.\d million +\$\d+\.\d\d \*$/m);
    expect(stdout).toContain("* These prices could not be confirmed.");
    expect(stdout).toContain("Prices of 2026-11-24");
  });

  it("prints JSON with every item", async () => {
    const { stdout } = await run(["cost", "--json", "--interval", "60", "--ack-every", "2"]);
    const result = JSON.parse(stdout);
    const expected = JSON.parse(JSON.stringify(of({ intervalSeconds: 60, ackEvery: 2 })));
    expect(result).toEqual({ ...expected, advice: expect.any(Array) });
  });

  it.each([
    ["10s", 10],
    ["5m", 300],
    ["1h", 3600],
  ])("takes a sweep interval of %s", async (text, seconds) => {
    const { stdout } = await run(["cost", "--json", "--sweep-interval", text]);
    expect(JSON.parse(stdout)).toMatchObject({ fleet: { sweepSeconds: seconds } });
  });

  it.each([
    [["--agents", "-1"], "Expected a number, from 0 to 100000000."],
    [["--alarms", "some"], "Allowed choices are essential, all, none."],
    [["--interval", "1"], "Expected a number, from 5 to 540."],
    [["--ack-every", "x"], "Expected a number, from 1 to 10."],
    [["--sweep-interval", "25s"], "Expected 10s, 12s, 15s, 20s, 30s, or whole minutes up to a day"],
    [["--sweep-interval", "90s"], "Expected 10s, 12s, 15s, 20s, 30s, or whole minutes up to a day"],
    [["--sweep-interval", "2"], "Expected 10s, 12s, 15s, 20s, 30s, or whole minutes up to a day"],
    [["--region", "mars-1"], "Allowed choices are us-east-1, eu-west-1."],
  ])("refuses %p", async (args, sentence) => {
    const { code, stderr } = await run(["cost", ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
  });
});

describe("heartbeats over HTTP", () => {
  const fleet = { agents: 2000, reconnectsPerDay: 0 };
  const heartbeats = (2000 * 730 * 3600) / 30;

  it("are no messages, and need no connection", () => {
    expect(item({ ...fleet, transport: "http" }, "messages")).toBe(0);
    expect(item({ ...fleet, transport: "http" }, "connection minutes")).toBe(0);
    const sweeps = item({ agents: 0, transport: "http" }, "invocations");
    expect(item({ ...fleet, transport: "http" }, "invocations")).toBeCloseTo(heartbeats + sweeps);
  });

  it("keep a connection beside them alive, with one message within five minutes", () => {
    const both = item({ ...fleet, transport: "both" }, "messages");
    expect(both).toBeLessThan(item(fleet, "messages") / 9);
    expect(item({ ...fleet, transport: "both" }, "connection minutes")).toBe(
      item(fleet, "connection minutes"),
    );
  });

  it("keep two thousand agents online for less than 130 dollars a month, with provisioned writes", () => {
    const described = { ...DEFAULT_FLEET, agents: 2000, transport: "http" } as const;
    expect(recommend(described).recommendedUsd).toBeLessThan(130);
  });
});

describe("a deployment without agents", () => {
  it("costs less than two dollars a month", () => {
    for (const region of REGIONS)
      expect(of({ agents: 0, region }).agentHeartbeat.usd).toBeLessThan(2);
  });

  it("costs more with all alarms and a dashboard", async () => {
    const args = ["cost", "--json", "--agents", "0", "--alarms", "all", "--cloudwatch-dashboard"];
    const { stdout } = await run(args);
    const { agentHeartbeat } = JSON.parse(stdout);
    expect(agentHeartbeat.usd - of({ agents: 0 }).agentHeartbeat.usd).toBeCloseTo(
      3 + 0.1 * (ALARM_METRICS.all - ALARM_METRICS.essential),
      9,
    );
  });
});

describe("the pages", () => {
  it.each([["docs/cost.md", blocks]])(
    "%s shows tables as the code makes them (UPDATE_DOCS=1 updates them)",
    async (name, make) => {
      const made = make();
      const file = join(ROOT, name);
      const page = await readFile(file, "utf8");
      const expected = page.replace(
        BLOCK,
        (_, block) => `<!-- generated: ${block} -->\n${made[block]}\n<!-- end -->`,
      );
      if (process.env.UPDATE_DOCS) await writeFile(file, expected);
      expect([...page.matchAll(BLOCK)].map(([, block]) => block).sort()).toEqual(
        Object.keys(made).sort(),
      );
      expect(await readFile(file, "utf8")).toBe(expected);
    },
  );

  it("contain the chart that the code draws", async () => {
    if (process.env.UPDATE_DOCS) await writeFile(CHART, chart());
    expect(await readFile(CHART, "utf8")).toBe(chart());
  });
});

function isBill(value: unknown): value is { usd: number; items: { usd: number }[] } {
  return typeof value === "object" && value !== null && "items" in value;
}
