/** Measures how long agents that were gone still read as online, and finds late detections. */

import type { Absence, AgentEvidence, DeathKind, Evidence, Look, SignOfLife } from "../evidence";
import { CLOCK_MS } from "./connections";
import type { Finding } from "./false-offlines";

export interface Detection {
  agentId: string;
  kind: DeathKind;
  /** From the death until the first read as offline. */
  ms: number;
  /** The maximum: one lease after the last message, plus the time between two reads. */
  boundMs: number;
}

export interface DetectionFindings {
  late: Finding[];
  detections: Detection[];
}

export function findLateDetections(evidence: Evidence): DetectionFindings {
  const signs = groupByAgent(evidence.signs);
  const late: Finding[] = [];
  const detections: Detection[] = [];
  for (const agent of evidence.agents.values()) {
    const own = signs.get(agent.agentId) ?? [];
    late.push(...overdue(agent, own, evidence));
    for (const absence of merged(agent.absences)) {
      const found = detect(agent, absence, own, evidence);
      if (!found) continue;
      detections.push(found);
      if (found.ms <= found.boundMs) continue;
      const at = absence.from + found.ms;
      const why = `${found.kind}: ${Math.round(found.ms)} ms after, at most ${Math.round(found.boundMs)}`;
      late.push({ agentId: agent.agentId, firstAt: at, lastAt: at, looks: 1, why });
    }
  }
  return { late, detections };
}

/** Reads as online one lease after the gateway's last message from the agent. */
function overdue(agent: AgentEvidence, signs: SignOfLife[], evidence: Evidence): Finding[] {
  const { leaseMs, looks, gatewayKills } = evidence;
  const absentAt = (at: number) =>
    agent.absences.some(({ from, until }) => from <= at && at < until);
  // What a gateway received just before it was killed is unknown.
  const unknown = gatewayKills.filter((at) => !absentAt(at - CLOCK_MS));
  const heard = [
    ...signs.filter(({ kind }) => kind !== "disconnect").map(({ at }) => at),
    ...unknown,
  ].sort((one, other) => one - other);
  const findings: Finding[] = [];
  let next = 0;
  let deadline = Number.NEGATIVE_INFINITY;
  let open: Finding | undefined;
  for (const look of looks) {
    for (let at = heard[next]; at !== undefined && at <= look.endedAt; at = heard[++next]) {
      deadline = Math.max(deadline, at + leaseMs + CLOCK_MS);
    }
    if (look.begunAt <= deadline || !isOnline(look, agent.agentId)) {
      open = undefined;
    } else if (open) {
      open.lastAt = look.endedAt;
      open.looks += 1;
    } else {
      const why = `online ${Math.round(look.begunAt - deadline)} ms after its deadline`;
      const [firstAt, lastAt] = [look.begunAt, look.endedAt];
      open = { agentId: agent.agentId, firstAt, lastAt, looks: 1, why };
      findings.push(open);
    }
  }
  return findings;
}

/** Undefined for an agent that did not read as online before, or that could reconnect before its lease expired. */
function detect(
  agent: AgentEvidence,
  { kind, from, until }: Absence,
  signs: SignOfLife[],
  { looks, leaseMs, lags, longestDelayMs }: Evidence,
): Detection | undefined {
  const before = looks.findLastIndex(({ endedAt }) => endedAt <= from);
  const lastBefore = looks[before];
  if (!lastBefore || !isOnline(lastBefore, agent.agentId)) return undefined;
  // A handshake in progress is completed, and its lease begins with the gateway's response. A heartbeat may be under way: it
  // passes a link and the gateway, each of which may be late.
  const transitMs = longestDelayMs + 2 * worstLag(lags, from, from);
  const after = signs.filter(
    ({ kind, at }) =>
      (kind === "connect" && at > from && at < until) ||
      (kind === "heartbeat" && at > from && at <= from + transitMs),
  );
  const lastSign = Math.max(from, ...after.map(({ at }) => at));
  const rest = looks.slice(before + 1).filter(({ begunAt }) => begunAt >= from && begunAt < until);
  const index = rest.findIndex((look) => !isOnline(look, agent.agentId));
  const seen = rest[index < 0 ? rest.length - 1 : index];
  if (!seen) return undefined;
  const lastOnline = index < 0 ? seen : (rest[index - 1] ?? lastBefore);
  const gapMs = index < 0 ? 0 : seen.endedAt - lastOnline.begunAt;
  const boundMs = lastSign - from + leaseMs + gapMs + CLOCK_MS;
  const ms = seen.endedAt - from;
  if (index < 0 && ms <= boundMs) return undefined;
  return { agentId: agent.agentId, kind, ms, boundMs };
}

/** Whether an agent reads as online until the end of a read. */
export function isOnline({ rows, endedAt }: Look, agentId: string): boolean {
  const row = rows.get(agentId);
  return row?.status === "online" && row.leaseExpiresAt > endedAt;
}

/** The worst delay of any process in the seconds that overlap a period. */
export function worstLag(lags: Evidence["lags"], from: number, until: number): number {
  const SECOND_MS = 1000;
  return Math.max(
    0,
    ...lags.filter(({ at, ms }) => at >= from && at - ms - SECOND_MS <= until).map(({ ms }) => ms),
  );
}

/** Merges overlapping absences. The first one determines the kind. */
function merged(absences: readonly Absence[]): Absence[] {
  const result: Absence[] = [];
  for (const absence of [...absences].sort((one, other) => one.from - other.from)) {
    const last = result.at(-1);
    if (last && absence.from <= last.until) last.until = Math.max(last.until, absence.until);
    else result.push({ ...absence });
  }
  return result;
}

function groupByAgent(signs: SignOfLife[]): Map<string, SignOfLife[]> {
  const groups = new Map<string, SignOfLife[]>();
  for (const sign of signs) {
    const group = groups.get(sign.agentId);
    if (group) group.push(sign);
    else groups.set(sign.agentId, [sign]);
  }
  return groups;
}
