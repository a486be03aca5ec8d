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

/** The time of a record in the stream is in whole seconds, or was given by another process. */
const WRITTEN_WITHIN_MS = 1000;

export function findLockOutFaults(evidence: Evidence): LockOutFindings {
  const { lockOuts, heard } = evidence;
  const revokedHeard = lockOuts.flatMap((lockOut) => {
    const { agentId, from, until, how } = lockOut;
    const settledAt = settlementOf(lockOut, evidence);
    if (settledAt === undefined) return [`${agentId}: ${how}, its subscriptions were never ended`];
    return heard
      .filter((one) => one.agentId === agentId)
      .filter(({ sentAt, at }) => sentAt > Math.max(from, settledAt) && at < until)
      .map(({ sentAt }) => {
        const [called, ended] = [sentAt - from, sentAt - settledAt].map(Math.round);
        return `${agentId}: ${how}, got a message sent ${called} ms after, and ${ended} ms after its subscriptions were ended`;
      });
  });
  return {
    lockOuts: lockOuts.length,
    revokedOnline: lockOuts.flatMap((lockOut) => [
      ...shownOnline(lockOut, evidence),
      ...acknowledged(lockOut, evidence),
    ]),
    revokedHeard,
  };
}

/**
 * When the connections and subscriptions of a lock-out had been ended, by way of the stream, which faults hold up. If it took
 * several writes, all count. Undefined if they never were.
 */
function settlementOf(lockOut: LockOut, { settlements }: Evidence): number | undefined {
  const first = new Map<string, number>();
  for (const { id, agentId, writtenAt, at } of settlements) {
    if (agentId !== lockOut.agentId || first.has(id)) continue;
    const before = writtenAt < lockOut.begunAt - WRITTEN_WITHIN_MS;
    if (!before && writtenAt <= lockOut.from + WRITTEN_WITHIN_MS) first.set(id, at);
  }
  return first.size === 0 ? undefined : Math.max(...first.values());
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
