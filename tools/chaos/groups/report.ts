/** The report of a run of a group. */

import { columnsOf, SHOWN, verdictOf } from "../report";
import { DISTURBANCES, type GroupEvidence } from "./evidence";
import { type GroupFindings, judge } from "./judge";

const NAMES: Record<keyof GroupFindings, string> = {
  silent: "requests whose requester heard nothing",
  unhandled: "answers that no handler gave",
  repeated: "handled twice in one attempt",
  several: "handled by several members without a reason",
  unfounded: "errors without a reason",
  spread: "reached several members",
  astray: "handled by a member without the capability",
  lost: "not handled once while all members were well",
  untested: "not tested",
};

export function groupReportOf(evidence: GroupEvidence, seed: number) {
  const { sent, handled, disturbances, members } = evidence;
  const findings = judge(evidence);
  const requests = sent.filter(({ isRequest }) => isRequest);
  const handledTasks = new Set(handled.map(({ task }) => task));
  const failed = sent.flatMap(({ outcome }) => (outcome?.what === "failed" ? outcome.code : []));
  const published = sent.filter(({ outcome }) => outcome?.what === "published");
  return {
    seed,
    members,
    requests: requests.length,
    toCapability: requests.filter(({ toCapability }) => toCapability).length,
    answered: sent.filter(({ outcome }) => outcome?.what === "answered").length,
    failed: countsOf(failed),
    published: published.length,
    /** Of those that are no requests, which are delivered at most once. */
    publishedUnhandled: published.filter(({ task }) => !handledTasks.has(task)).length,
    unreached: sent.reduce((sum, { unreached }) => sum + unreached, 0),
    handlings: handled.length,
    laterAttempts: handled.filter(({ attempt }) => Number(attempt) > 1).length,
    losses: evidence.losses.length,
    disturbances: Object.fromEntries(
      DISTURBANCES.map((kind) => [kind, disturbances.filter((each) => each.kind === kind).length]),
    ),
    ...findings,
    passed: Object.values(findings).every((found) => found.length === 0),
  };
}

function countsOf(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

type GroupReport = ReturnType<typeof groupReportOf>;

export function groupTable(report: GroupReport): string[] {
  const kinds = Object.keys(NAMES) as (keyof GroupFindings)[];
  const listed = (counts: Record<string, number>) =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ");
  const rows: [string, string][] = [
    ["seed", String(report.seed)],
    ["members of the group", String(report.members)],
    ["disturbances", listed(report.disturbances)],
    ["times that members went offline", String(report.losses)],
    ["requests", `${report.requests}, of which ${report.answered} were answered`],
    ["  to a capability, instead of to the group", String(report.toCapability)],
    ["  failed, with an error to the requester", listed(report.failed) || "none"],
    [
      "messages without an answer",
      `${report.published}, of which ${report.publishedUnhandled} were lost with a member`,
    ],
    ["confirmed as reaching nobody", `${report.unreached} times`],
    ["handled", `${report.handlings} times, ${report.laterAttempts} of them as a later attempt`],
    ...kinds.map((kind): [string, string] => [NAMES[kind], String(report[kind].length)]),
  ];
  const details = kinds.flatMap((kind) =>
    report[kind].slice(0, SHOWN).map((text) => `${kind}: ${text}`),
  );
  return [...columnsOf(rows), ...details, verdictOf(report)];
}
