/** Finds agents that read as offline while they had every right to read as online. */

import type { Evidence, Look } from "../evidence";
import { CLOCK_MS, connectionsOf, gatewayEnds } from "./connections";

/** An agent that read wrong in one or more looks, one after the other. */
export interface Finding {
  agentId: string;
  firstAt: number;
  lastAt: number;
  looks: number;
  why: string;
}

/** A time in which an agent is owed to read as online. */
interface Claim {
  from: number;
  until: number;
}

export interface OnlineJudgement {
  falseOfflines: Finding[];
  /** Seconds in which agents were owed to read as online and were looked at, summed over the agents. */
  judgedSeconds: number;
}

/**
 * An agent is owed to read as online from the moment at which it gets a heartbeat's ack until a lease after
 * it sent that heartbeat, for as long as the heartbeat's connection has not ended.
 */
export function judgeOnline(evidence: Evidence): OnlineJudgement {
  const ends = gatewayEnds(evidence);
  const falseOfflines: Finding[] = [];
  let judgedMs = 0;
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
      judgedMs += look.begunAt - (evidence.looks[index - 1]?.begunAt ?? look.begunAt);
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
  return { falseOfflines, judgedSeconds: judgedMs / 1000 };
}

/** Why an agent reads as offline from the beginning of a look; undefined if it does not. */
function offlineBecause({ rows, begunAt }: Look, agentId: string): string | undefined {
  const row = rows.get(agentId);
  if (!row) return "it has no row";
  const of = `by connection ${row.connectionId}`;
  if (row.status !== "online") return `its row is stored as ${row.status} ${of}`;
  if (row.leaseExpiresAt > begunAt) return undefined;
  return `its lease ran out ${Math.round(begunAt - row.leaseExpiresAt)} ms before ${of}`;
}
