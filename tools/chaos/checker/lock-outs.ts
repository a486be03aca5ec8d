/** Finds agents that were shown, acknowledged or sent messages while they were locked out. */

import type { Evidence, LockOut } from "../evidence";
import { CLOCK_MS } from "./connections";
import { isOnline } from "./detection";
import type { Finding } from "./false-offlines";

export interface LockOutFindings {
  lockOuts: number;
  /** Locked out, and shown as online, or acknowledged a heartbeat. */
  revokedOnline: Finding[];
  /** Locked out, and sent a message. */
  revokedHeard: string[];
}

/** A lock-out is final within seconds: its subscriptions are removed by way of the stream, which a fault may hold up. */
const MESSAGES_END_WITHIN_MS = 10_000;

export function findLockOutFaults(evidence: Evidence): LockOutFindings {
  const { lockOuts, heard } = evidence;
  const revokedHeard = lockOuts.flatMap(({ agentId, from, until, how }) =>
    heard
      .filter((one) => one.agentId === agentId)
      .filter(({ at }) => at > from + MESSAGES_END_WITHIN_MS && at < until)
      .map(({ at }) => `${agentId}: ${how}, got a message ${Math.round(at - from)} ms after`),
  );
  return {
    lockOuts: lockOuts.length,
    revokedOnline: lockOuts.flatMap((lockOut) => [
      ...shownOnline(lockOut, evidence),
      ...acknowledged(lockOut, evidence),
    ]),
    revokedHeard,
  };
}

function shownOnline({ agentId, from, until, how }: LockOut, { looks }: Evidence): Finding[] {
  const seen = looks
    .filter(({ begunAt, endedAt }) => begunAt > from + CLOCK_MS && endedAt < until)
    .filter((look) => isOnline(look, agentId));
  const [first, last] = [seen[0], seen.at(-1)];
  if (!first || !last) return [];
  const why = `shown as online ${Math.round(first.begunAt - from)} ms after: ${how}`;
  return [{ agentId, firstAt: first.begunAt, lastAt: last.endedAt, looks: seen.length, why }];
}

function acknowledged({ agentId, from, until, how }: LockOut, { agents }: Evidence): Finding[] {
  const connections = agents.get(agentId)?.connections.values() ?? [];
  return [...connections]
    .flatMap(({ heartbeats }) => heartbeats)
    .filter(({ sentAt, ackedAt }) => sentAt > from + CLOCK_MS && ackedAt < until)
    .map(({ sentAt, ackedAt }) => {
      const why = `acknowledged a heartbeat sent ${Math.round(sentAt - from)} ms after: ${how}`;
      return { agentId, firstAt: sentAt, lastAt: ackedAt, looks: 0, why };
    });
}
