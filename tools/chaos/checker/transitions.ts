/** Compares published events with changes of the stored status: each change once, in order, with one id. */

import type { Evidence } from "../evidence";

export interface TransitionFindings {
  /** Changes without an event. */
  lost: string[];
  /** Events without their own change: with another id for the same change, or without any change. */
  duplicated: string[];
  /** Events published before one of an earlier change of the same agent, or with the same status as the previous one. */
  disordered: string[];
  changes: number;
  /** Events published again with the same id, which at-least-once delivery allows. */
  repeated: number;
}

export function checkTransitions({ changes, published }: Evidence): TransitionFindings {
  const stored = new Map<string, Map<string, number>>();
  for (const { id, agentId } of changes) {
    const places = stored.get(agentId) ?? new Map<string, number>();
    stored.set(agentId, places.set(id, places.size));
  }
  const known = new Set<string>();
  const last = new Map<string, { place: number; status: string }>();
  const [duplicated, disordered]: [string[], string[]] = [[], []];
  let repeated = 0;
  for (const { id, agentId, status } of published) {
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
