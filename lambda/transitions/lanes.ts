/** Divides a batch of the stream, so that an agent with very many changes delays no other one. */

/** Something that happened to an agent. */
export interface OfAgent {
  /** Tells agents of all organizations apart. */
  agent: string;
}

/** By agent, each in its order. */
export function byAgent<T extends OfAgent>(entries: readonly T[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const entry of entries) {
    const group = groups.get(entry.agent);
    if (group) group.push(entry);
    else groups.set(entry.agent, [entry]);
  }
  return [...groups.values()];
}

/**
 * Lanes that may be handled at the same time: all entries of an agent are in one, in their order. A lane has up to
 * `size` entries, or those of one agent alone.
 */
export function lanesOf<T extends OfAgent>(entries: readonly T[], size: number): T[][] {
  const lanes: T[][] = [];
  let open: T[] | undefined;
  for (const group of byAgent(entries)) {
    if (open && open.length + group.length <= size) {
      open.push(...group);
      continue;
    }
    const lane = [...group];
    lanes.push(lane);
    if (lane.length < size) open = lane;
  }
  return lanes;
}

/** The entries before the first one of their agent in `stops`: later ones have to wait for it. */
export function before<T extends OfAgent>(entries: readonly T[], stops: ReadonlySet<T>): T[] {
  const stopped = new Set<string>();
  return entries.filter((entry) => {
    if (stops.has(entry)) stopped.add(entry.agent);
    return !stopped.has(entry.agent);
  });
}
