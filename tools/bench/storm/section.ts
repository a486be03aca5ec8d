/** The report section on reconnect storms. */

import { type Goal, type Section, table } from "../section";
import { measureStorms, type StormFigures } from "./measure";
import type { StormResult } from "./storm";

const RATIO = 1.15;
const REFUSED_SHARE = 0.01;

const OWN = "HeartbeatAgent";

export type { StormFigures };

export const storm: Section<StormFigures> = {
  name: "storm",
  title: "Reconnect storms",
  measure: measureStorms,

  markdown: ({ policies, conditions, choices, lone }) =>
    [
      "A discrete-event simulation with a fixed seed: all agents lose their connections at once and reconnect " +
        "through API Gateway's default quota of 500 new connections a second, a token bucket of one second's tokens. " +
        "The optimum is agents / 500 s. *Rejected*: share of attempts. *Peak*: rejected attempts in one second. " +
        "*50, 99, 100 %*: seconds until that share is back. HeartbeatAgent uses the SDK's own backoff, with the reconnect window for " +
        "its fleet's size, after the gateway closed its connections. The others use their published " +
        "defaults; above 10,000 agents each of their simulated clients represents several.",
      table(
        ["agents", "policy", ...HEAD],
        policies.map((row) => [whole(row.agents), row.policy, ...cells(row)]),
      ),
      `Their defaults: ${sourcesOf(policies)}.`,
      "HeartbeatAgent under other conditions. *Cut off*: the connections end without a close frame. *Silent*: acks " +
        "stop, which is noticed over one interval; times count from the first agent that noticed.",
      table(
        ["agents", "condition", ...HEAD],
        conditions.map((row) => [whole(row.agents), row.condition, ...cells(row)]),
      ),
      "How long a single agent waits before its first attempt after losing its connection, in seconds (mean and " +
        "99th percentile), by kind of loss:",
      table(
        ["agents in the fleet", "connection", "mean", "99 %"],
        lone.map(({ agents, loss, wait }) => [
          whole(agents),
          loss,
          seconds(wait.mean),
          seconds(wait.p99),
        ]),
      ),
      "Ways to draw the first delay after a connection was cut off, which may affect one agent or all: " +
        "the average wait of a single agent, and the course of a storm.",
      table(
        [
          "agents",
          "first delay",
          "single agent, mean",
          "rejected",
          "peak rejected",
          "99 % back, in optima",
        ],
        choices.map((row) => [
          whole(row.agents),
          row.choice,
          `${seconds(row.lone.mean)} s`,
          percent(row.refusedShare),
          whole(row.peakRefusedPerSecond),
          row.ratio?.toFixed(2) ?? "never",
        ]),
      ),
    ].join("\n\n"),

  goals: ({ policies, conditions }) => {
    const own = policies.filter(({ policy }) => policy === OWN);
    const cut = conditions.filter(({ condition }) => condition === "cut off");
    return [
      goalOf("closed by the gateway", own),
      {
        ...goalOf("cut off", cut),
        why:
          "an agent can't tell whether it alone was cut off, and waits at most 30 s. In a fleet that needs longer, each agent is rejected once. " +
          "Using the whole window would avoid that, at the cost of every single agent of a large fleet",
      },
    ];
  },
};

/**
 * The recovery times of fleets whose connections the gateway closes, and the cost for their agents.
 */
export function returnTable({ policies, lone }: StormFigures): string {
  const waitOf = (agents: number, loss: string) => {
    const one = lone.find((wait) => wait.agents === agents && wait.loss === loss);
    return one ? time(one.wait.mean) : "";
  };
  const own = policies.filter(({ policy }) => policy === OWN);
  return table(
    [
      "agents",
      "99 % back after",
      "minimum",
      "rejected",
      "single agent, cut off",
      "single agent, closed",
    ],
    own.map(({ agents, p99, optimum, refusedShare }) => [
      whole(agents),
      p99 === null ? "never" : time(p99),
      time(optimum),
      percent(refusedShare),
      waitOf(agents, "cut off"),
      waitOf(agents, "closed by the gateway"),
    ]),
  );
}

function goalOf(loss: string, results: readonly StormResult[]): Goal {
  const ratio = Math.max(...results.map((result) => result.ratio ?? Number.POSITIVE_INFINITY));
  const refused = Math.max(...results.map(({ refusedShare }) => refusedShare));
  return {
    goal:
      `${loss}: 99 % back within ${RATIO} times the optimum, under ${percent(REFUSED_SHARE)} of attempts rejected, ` +
      "at every size",
    found: `at most ${ratio.toFixed(2)} times, ${percent(refused)} rejected`,
    met: ratio <= RATIO && refused < REFUSED_SHARE,
  };
}

const HEAD = ["rejected", "peak", "50 %", "99 %", "100 %", "99 % in optima"];

function cells(row: StormResult & { agents: number }): string[] {
  const never = row.gaveUp > 0 ? `${percent(row.gaveUp / row.agents)} gave up` : "never";
  return [
    percent(row.refusedShare),
    whole(row.peakRefusedPerSecond),
    ...[row.p50, row.p99, row.p100].map((time) => (time === null ? never : seconds(time))),
    row.ratio?.toFixed(2) ?? never,
  ];
}

function sourcesOf(policies: StormFigures["policies"]): string {
  const sources = new Map(policies.map(({ policy, source }) => [policy, source]));
  return [...sources].map(([policy, source]) => `${policy} (\`${source}\`)`).join(", ");
}

const whole = (value: number) => Math.round(value).toLocaleString("en-US");
const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
const time = (value: number) =>
  value < 100 ? `${seconds(value)} s` : `${(value / 60).toFixed(1)} min`;
const seconds = (value: number) => (value < 100 ? value.toFixed(1) : whole(value));
