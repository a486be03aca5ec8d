/** Finds agents that read as offline although they must read as online. */

import type { Evidence, Look } from "../evidence";
import { CLOCK_MS, connectionsOf, gatewayEnds } from "./connections";

/** An agent that was wrong in one or more consecutive reads. */
export interface Finding {
  agentId: string;
  firstAt: number;
  lastAt: number;
  looks: number;
  why: string;
}

/** A period in which an agent must read as online. */
interface Claim {
  from: number;
  until: number;
}

export interface FalseOfflineFindings {
  falseOfflines: Finding[];
  /** Observed seconds in which agents had to read as online, summed over all agents. */
  observedSeconds: number;
}

/**
 * An agent must read as online from the ack of a heartbeat until one lease after it sent that heartbeat, as long as the
 * heartbeat's connection has not ended.
 */
export function findFalseOfflines(evidence: Evidence): FalseOfflineFindings {
  const ends = gatewayEnds(evidence);
  const falseOfflines: Finding[] = [];
  let observedMs = 0;
  for (const agent of evidence.agents.values()) {
    const claims = connectionsOf(agent, evidence, ends)
      .flatMap(({ heartbeats, endsAt }) =>
        heartbeats.map(({ sentAt, ackedAt }): Claim => {
          const until = Math.min(endsAt, sentAt + evidence.leaseMs) - CLOCK_MS;
          return { from: ackedAt, until };
        }),
      )
      .sort((one, other) => one.from - other.from);
    let next = 0;
    let owedUntil = Number.NEGATIVE_INFINITY;
    let open: Finding | undefined;
    for (const [index, look] of evidence.looks.entries()) {
      for (let claim = claims[next]; claim && claim.from <= look.begunAt; claim = claims[++next]) {
        owedUntil = Math.max(owedUntil, claim.until);
      }
      if (owedUntil <= look.endedAt) {
        open = undefined;
        continue;
      }
      observedMs += look.begunAt - (evidence.looks[index - 1]?.begunAt ?? look.begunAt);
      const why = offlineBecause(look, agent.agentId);
      if (why === undefined) {
        open = undefined;
      } else if (open) {
        open.lastAt = look.endedAt;
        open.looks += 1;
      } else {
        const [firstAt, lastAt] = [look.begunAt, look.endedAt];
        open = { agentId: agent.agentId, firstAt, lastAt, looks: 1, why };
        falseOfflines.push(open);
      }
    }
  }
  return { falseOfflines, observedSeconds: observedMs / 1000 };
}

/** Why an agent reads as offline from the beginning of a read; undefined if it does not. */
function offlineBecause({ rows, begunAt }: Look, agentId: string): string | undefined {
  const row = rows.get(agentId);
  if (!row) return "it has no row";
  const of = `by connection ${row.connectionId}`;
  if (row.status !== "online") return `its row is stored as ${row.status} ${of}`;
  if (row.leaseExpiresAt > begunAt) return undefined;
  return `its lease ran out ${Math.round(begunAt - row.leaseExpiresAt)} ms before ${of}`;
}
