/** Compares what the bus told with how the stored status changed: each change once, in order, under one id. */

import type { Evidence } from "../evidence";

export interface TellingJudgement {
  /** Changes that no event tells. */
  lost: string[];
  /** Events that tell no change of their own: the same one again under another id, or one that never was. */
  duplicated: string[];
  /** Events that were told before one that tells an earlier change of the same agent, or say the same as the one before. */
  disordered: string[];
  changes: number;
  /** Events that were told again, under their own id, as at-least-once delivery may. */
  repeated: number;
}

export function judgeTelling({ changes, told }: Evidence): TellingJudgement {
  const stored = new Map<string, Map<string, number>>();
  for (const { id, agentId } of changes) {
    const places = stored.get(agentId) ?? new Map<string, number>();
    stored.set(agentId, places.set(id, places.size));
  }
  const known = new Set<string>();
  const last = new Map<string, { place: number; status: string }>();
  const [duplicated, disordered]: [string[], string[]] = [[], []];
  let repeated = 0;
  for (const { id, agentId, status } of told) {
    if (known.has(id)) {
      repeated += 1;
      continue;
    }
    known.add(id);
    const place = stored.get(agentId)?.get(id);
    if (place === undefined) {
      duplicated.push(`${agentId}: ${status} (${id})`);
      continue;
    }
    const before = last.get(agentId);
    if (before && (place < before.place || status === before.status)) {
      disordered.push(`${agentId}: ${status} (${id}) after ${before.status}`);
    }
    last.set(agentId, { place, status });
  }
  const lost = changes
    .filter(({ id }) => !known.has(id))
    .map(({ id, agentId, status }) => `${agentId}: ${status} (${id})`);
  return { lost, duplicated, disordered, changes: changes.length, repeated };
}
