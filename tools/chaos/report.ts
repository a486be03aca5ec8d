/** The report of a run. */

import { distributionOf } from "../bench/section";
import type { RunFindings } from "./checker/check-run";
import { worstLag } from "./checker/detection";
import type { Evidence } from "./evidence";

/** Findings of each kind that are printed. */
export const SHOWN = 10;

export function reportOf(
  result: RunFindings,
  { leaseMs, lags, startedAt, endedAt, ackedOverHttp }: Evidence,
  seed: number,
) {
  const kinds = [...new Set(result.detections.map(({ kind }) => kind))].sort();
  return {
    seed,
    agents: result.agents,
    looks: result.looks,
    observedSeconds: Math.round(result.observedSeconds),
    faults: Object.fromEntries([...result.faults].sort()),
    leaseMs,
    worstLagMs: Math.round(worstLag(lags, startedAt, endedAt)),
    detections: Object.fromEntries(
      kinds.map((kind) => {
        const found = result.detections.filter((detection) => detection.kind === kind);
        const { p50, p99, max } = distributionOf(found.map(({ ms }) => ms));
        const excess = Math.max(...found.map(({ ms, boundMs }) => ms - boundMs));
        return [
          kind,
          {
            count: found.length,
            p50: Math.round(p50),
            p99: Math.round(p99),
            max: Math.round(max),
            /** The smallest distance below the bound; negative if above. */
            leastMarginMs: Math.round(-excess),
          },
        ];
      }),
    ),
    falseOfflines: result.falseOfflines,
    late: result.late,
    lockOuts: result.lockOuts,
    revokedOnline: result.revokedOnline,
    revokedHeard: result.revokedHeard,
    notSuperseded: result.notSuperseded,
    supersededByNobody: result.supersededByNobody,
    delivery: result.delivery,
    ackedOverHttp,
    transitions: { stored: result.changes, repeated: result.repeated },
    lost: result.lost,
    duplicated: result.duplicated,
    disordered: result.disordered,
    sockets: result.sockets,
    rows: result.rows,
    subscriptions: result.subscriptions,
    notBack: result.notBack,
    passed: result.passed,
  };
}

export type Report = ReturnType<typeof reportOf>;

export function tableOf(report: Report): string[] {
  const rows: [string, string][] = [
    ["seed", String(report.seed)],
    ["agents", String(report.agents)],
    ["reads of the table", String(report.looks)],
    ["observed", `${report.observedSeconds} agent-seconds`],
    ["heartbeats acknowledged over HTTP", String(report.ackedOverHttp)],
    ["faults", String(Object.values(report.faults).reduce((sum, count) => sum + count, 0))],
    ...Object.entries(report.faults).map(([kind, count]): [string, string] => [
      `  ${kind}`,
      String(count),
    ]),
    [
      "bound of detection",
      `${report.leaseMs} ms after the last message, plus the time between two reads (timers late by at most ${report.worstLagMs} ms)`,
    ],
    ...Object.entries(report.detections).map(
      ([kind, { count, p50, p99, max, leastMarginMs }]): [string, string] => [
        `  ${kind}`,
        `${count} times, p50 ${p50}, p99 ${p99}, max ${max} ms; least margin ${leastMarginMs} ms`,
      ],
    ),
    [
      "transitions",
      `${report.transitions.stored}; redelivered with the same id ${report.transitions.repeated}`,
    ],
    [
      "messages to others than locked-out agents",
      `${report.delivery.sent} times two published, ${report.delivery.received} heard`,
    ],
    ["agents locked out", String(report.lockOuts)],
    ["  shown as online, or acknowledged", String(report.revokedOnline.length)],
    ["  sent messages", String(report.revokedHeard.length)],
    ["two processes side by side", String(report.notSuperseded.length)],
    ["superseded by nobody", String(report.supersededByNobody.length)],
    ["false offlines", String(report.falseOfflines.length)],
    ["late detections", String(report.late.length)],
    ["lost transitions", String(report.lost.length)],
    ["duplicated transitions", String(report.duplicated.length)],
    ["transitions out of order", String(report.disordered.length)],
    ["leaked sockets", String(report.sockets.length)],
    ["rows left over", String(report.rows.length)],
    ["subscriptions left over", String(report.subscriptions.length)],
    ["agents not back", String(report.notBack.length)],
  ];
  return [...columnsOf(rows), ...detailsOf(report), verdictOf(report)];
}

/** Rows of a table, with their names in a column. */
export function columnsOf(rows: readonly [string, string][]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

export const verdictOf = ({ passed }: { passed: boolean }) => (passed ? "passed" : "FAILED");

function detailsOf(report: Report): string[] {
  const texts = [
    ...report.falseOfflines.slice(0, SHOWN).map((finding) => ["false offline", finding] as const),
    ...report.late.slice(0, SHOWN).map((finding) => ["late", finding] as const),
    ...report.revokedOnline.slice(0, SHOWN).map((finding) => ["revoked", finding] as const),
  ].map(
    ([what, { agentId, why, looks, firstAt, lastAt }]) =>
      `${what}: ${agentId}, ${looks} reads in ${Math.round(lastAt - firstAt)} ms from ${Math.round(firstAt)}: ${why}`,
  );
  for (const name of [
    "revokedHeard",
    "notSuperseded",
    "supersededByNobody",
    "lost",
    "duplicated",
    "disordered",
    "sockets",
    "rows",
    "subscriptions",
    "notBack",
  ] as const) {
    texts.push(...report[name].slice(0, SHOWN).map((text) => `${name}: ${text}`));
  }
  return texts;
}
