/**
 * Judges the run of a group: each request is answered by the handler of one member, or its requester receives an error; no message is
 * handled twice in one attempt, nor by a second member while nothing befell the first. The same holds for messages to a
 * capability, which only members that have it handle.
 */

import {
  DISTURBANCES,
  type Disturbance,
  type GroupEvidence,
  type Handling,
  type SentTask,
} from "./evidence";

/** Each is a list of findings, as sentences. */
export interface GroupFindings {
  /** Requests that were neither answered nor refused. */
  silent: string[];
  /** Answers of members that have not handled the request, in the attempt that they name. */
  unhandled: string[];
  /** Messages that were handled twice with the same attempt. */
  repeated: string[];
  /** Messages that several members handled to which nothing happened, and which did not go offline. */
  several: string[];
  /** Errors while nothing befell any member. */
  unfounded: string[];
  /** Messages that reached more than one member. */
  spread: string[];
  /** Messages to the capability that a member without it has handled. */
  astray: string[];
  /** Messages that did not get to exactly one handler, at once, while all members were well. */
  lost: string[];
  /** What the run did not put to the test. */
  untested: string[];
}

/** How a request may fail while members end. Handlers of a run never throw, and requesters are always connected. */
const FORESEEN = ["receiver_lost", "unavailable", "NoReceiverError"];

/** The least share of requests that have to be answered: a group without working members proves nothing. */
const LEAST_ANSWERED = 0.5;

export function judge(evidence: GroupEvidence): GroupFindings {
  const { sent, handled, disturbances } = evidence;
  const findings: GroupFindings = {
    silent: [],
    unhandled: [],
    repeated: [],
    several: [],
    unfounded: [],
    spread: [],
    astray: [],
    lost: [],
    untested: untested(sent, disturbances),
  };
  const calmFrom = endOf(disturbances);
  const byTask = new Map<number, Handling[]>();
  for (const each of handled) byTask.set(each.task, [...(byTask.get(each.task) ?? []), each]);
  for (const one of sent) {
    const handlings = byTask.get(one.task) ?? [];
    judgeOutcome(one, handlings, evidence, findings);
    judgeHandlings(one, handlings, evidence, findings);
    if (one.sentAt >= calmFrom) judgeCalm(one, handlings, evidence, findings);
    byTask.delete(one.task);
  }
  for (const { task, agentId } of [...byTask.values()].flat()) {
    findings.unhandled.push(`${agentId} handled ${task}, which nobody sent`);
  }
  return findings;
}

function judgeOutcome(
  one: SentTask,
  handlings: readonly Handling[],
  evidence: GroupEvidence,
  findings: GroupFindings,
): void {
  const { outcome, isRequest, sentAt, endedAt } = one;
  const name = nameOf(one);
  if (!outcome) {
    findings.silent.push(`${name}: its sender heard nothing; ${handlersOf(handlings)}`);
  } else if (outcome.what === "answered") {
    const { by, attempt } = outcome;
    const isKnown = handlings.some((each) => each.agentId === by && each.attempt === attempt);
    const answered = `answered by ${by}, attempt ${attempt}`;
    if (!isKnown) findings.unhandled.push(`${name}: ${answered}; ${handlersOf(handlings)}`);
  } else if (outcome.what === "published") {
    const { reached } = outcome;
    if (reached > 1) findings.spread.push(`${name}: reached ${reached}`);
  } else {
    const { code, message } = outcome;
    const isFounded =
      isRequest && FORESEEN.includes(code) && befallen(evidence, sentAt, endedAt).length > 0;
    if (code === "RequestTimeoutError") findings.silent.push(`${name}: ${message}`);
    else if (!isFounded) findings.unfounded.push(`${name}: ${code}: ${message}`);
  }
}

function judgeHandlings(
  one: SentTask,
  handlings: readonly Handling[],
  evidence: GroupEvidence,
  findings: GroupFindings,
): void {
  const attempts = new Set(handlings.map(({ attempt }) => attempt));
  const ids = new Set(handlings.map(({ messageId }) => messageId));
  const found = `${nameOf(one)}: ${handlersOf(handlings)}`;
  if (attempts.size < handlings.length || ids.size > 1) findings.repeated.push(found);
  const isAstray = handlings.some(({ agentId }) => !evidence.capable.includes(agentId));
  if (one.toCapability && isAstray) findings.astray.push(found);
  const lastAt = Math.max(...handlings.map(({ at }) => at));
  const lost = befallen(evidence, one.sentAt, lastAt).flat();
  const well = handlings.filter(({ agentId }) => !lost.includes(agentId));
  if (well.length > 1 + one.unreached) findings.several.push(found);
}

/** While all members are healthy, one of them handles the message, in the first attempt that reached a member. */
function judgeCalm(
  one: SentTask,
  handlings: readonly Handling[],
  evidence: GroupEvidence,
  findings: GroupFindings,
): void {
  const { outcome, isRequest, unreached, sentAt, endedAt } = one;
  const most = 1 + (isRequest ? unreached + befallen(evidence, sentAt, endedAt).length : 0);
  const isDone = isRequest
    ? outcome?.what === "answered" && Number(outcome.attempt) <= most
    : outcome?.what === "published";
  if (isDone && handlings.length > 0 && handlings.length <= most) return;
  findings.lost.push(`${nameOf(one)}: ${JSON.stringify(outcome)}; ${handlersOf(handlings)}`);
}

/** The members of each disturbance and each loss in a time. */
function befallen({ disturbances, losses }: GroupEvidence, begin: number, end: number): string[][] {
  return [
    ...disturbances
      .filter(({ from, until }) => from <= end && until >= begin)
      .map(({ agentIds }) => agentIds),
    ...losses.filter(({ at }) => at >= begin && at <= end).map(({ agentId }) => [agentId]),
  ];
}

/** When all members are well again. */
const endOf = (disturbances: readonly Disturbance[]) =>
  Math.max(0, ...disturbances.map(({ until }) => until));

function untested(sent: readonly SentTask[], disturbances: readonly Disturbance[]): string[] {
  const requests = sent.filter(({ isRequest }) => isRequest);
  const answered = requests.filter(({ outcome }) => outcome?.what === "answered");
  const found = DISTURBANCES.filter((kind) => !disturbances.some((each) => each.kind === kind)).map(
    (kind) => `no member was ${kind}`,
  );
  if (answered.length === 0 || answered.length < LEAST_ANSWERED * requests.length) {
    found.push(`of ${requests.length} requests, ${answered.length} were answered`);
  }
  if (!sent.some(({ sentAt }) => sentAt >= endOf(disturbances))) {
    found.push("nothing was sent after the last disturbance");
  }
  for (const [what, toCapability] of [
    ["the capability", true],
    ["the group", false],
  ] as const) {
    const own = answered.filter((one) => one.toCapability === toCapability);
    if (own.length === 0) found.push(`no request to ${what} was answered`);
  }
  return found;
}

const nameOf = ({ task, isRequest, toCapability, sentAt }: SentTask) =>
  `${isRequest ? "request" : "message"} ${task}${toCapability ? " to the capability" : ""}, sent at ${Math.round(sentAt)}`;

function handlersOf(handlings: readonly Handling[]): string {
  if (handlings.length === 0) return "nobody handled it";
  const texts = handlings.map(
    ({ agentId, attempt, at }) => `${agentId} at ${Math.round(at)} (attempt ${attempt})`,
  );
  return `handled by ${texts.join(", ")}`;
}
