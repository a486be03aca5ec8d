/** Reconnect storms, as a section of the report. */

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
      "A discrete-event simulation with a fixed seed: every agent loses its connection at once, and comes back " +
        "through API Gateway's default quota of 500 new connections a second, a token bucket of one second's tokens. " +
        "The optimum is agents / 500 s. *Refused*: share of the attempts. *Peak*: refused attempts in one second. " +
        "*50, 99, 100 %*: seconds until as many were back. HeartbeatAgent runs the SDK's own backoff, advised of " +
        "its fleet's size, and finds its connections closed by the gateway; the others are drawn by their published " +
        "defaults, and above 10,000 agents each simulated client of theirs stands for several.",
      table(
        ["agents", "policy", ...HEAD],
        policies.map((row) => [whole(row.agents), row.policy, ...cells(row)]),
      ),
      `Their defaults: ${sourcesOf(policies)}.`,
      "HeartbeatAgent under other conditions. *Cut off*: the connections end without a close frame. *Silent*: no " +
        "acks any more, which is noticed over one interval; the times are since the first agent noticed.",
      table(
        ["agents", "condition", ...HEAD],
        conditions.map((row) => [whole(row.agents), row.condition, ...cells(row)]),
      ),
      "What an agent waits before its first attempt when it has lost its connection alone, in seconds (mean, and " +
        "99th percentile), by what it sees of it:",
      table(
        ["agents in the fleet", "connection", "mean", "99 %"],
        lone.map(({ agents, loss, wait }) => [
          whole(agents),
          loss,
          seconds(wait.mean),
          seconds(wait.p99),
        ]),
      ),
      "How the first delay could be drawn after a connection that was cut off, which may befall one agent or all: " +
        "what a lone agent waits on average, and what a storm is like.",
      table(
        ["agents", "first delay", "lone, mean", "refused", "peak refused", "99 % back, in optima"],
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
          "an agent can't tell whether it alone was cut off, and waits 30 s at most; of a fleet that needs longer " +
          "each is refused once, which the whole window would avoid and every lone agent of a large fleet pay for",
      },
    ];
  },
};

/** How long fleets take that the gateway cuts off, and what their agents pay for it. */
export function returnTable({ policies, lone }: StormFigures): string {
  const waitOf = (agents: number, loss: string) => {
    const one = lone.find((wait) => wait.agents === agents && wait.loss === loss);
    return one ? time(one.wait.mean) : "";
  };
  const own = policies.filter(({ policy }) => policy === OWN);
  return table(
    ["agents", "99 % back after", "least possible", "refused", "alone, cut off", "alone, closed"],
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
      `${loss}: 99 % back within ${RATIO} times the optimum, under ${percent(REFUSED_SHARE)} of attempts refused, ` +
      "at every size",
    found: `at most ${ratio.toFixed(2)} times, ${percent(refused)} refused`,
    met: ratio <= RATIO && refused < REFUSED_SHARE,
  };
}

const HEAD = ["refused", "peak", "50 %", "99 %", "100 %", "99 % in optima"];

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
