/** What befalls the members of a group, drawn from a seed. */

import { DISTURBANCES, type DisturbanceKind } from "./evidence";

/** Not by the clock: a fast machine has done more messages before it, not more faults. */
export interface PlannedDisturbance {
  kind: DisturbanceKind;
  /** Before which message. */
  beforeTask: number;
  /** How long it lasts, in leases: members may return before or after their leases have expired. */
  leases: number;
}

export interface GroupPlan {
  disturbances: PlannedDisturbance[];
  /** The first of the messages that are sent when all members are well again. */
  calmFrom: number;
}

/** Messages for each disturbance. */
const MESSAGES_EACH = 250;
/** Of each kind. */
const LEAST_EACH = 2;
/** The share of the messages before the first disturbance, and that of those after the last. */
const BEFORE = 0.05;
const AFTER = 0.05;
const LEAST_AFTER = 20;
const MOST_LEASES: Record<DisturbanceKind, number> = { killed: 1, stopped: 2.5, drained: 0 };

export function planOf(messages: number, random: () => number): GroupPlan {
  const least = LEAST_EACH * DISTURBANCES.length;
  const count = Math.max(least, Math.round(messages / MESSAGES_EACH));
  const calmFrom = messages - Math.max(LEAST_AFTER, Math.round(messages * AFTER));
  const first = Math.round(messages * BEFORE);
  const each = (calmFrom - first) / count;
  let kinds: DisturbanceKind[] = [];
  const disturbances = Array.from({ length: count }, (_, index) => {
    if (kinds.length === 0) kinds = shuffled(random);
    const kind = kinds.pop() as DisturbanceKind;
    const beforeTask = first + Math.floor((index + random()) * each);
    return { kind, beforeTask, leases: random() * MOST_LEASES[kind] };
  });
  return { disturbances, calmFrom };
}

function shuffled(random: () => number): DisturbanceKind[] {
  const drawn = DISTURBANCES.map((kind) => ({ kind, order: random() }));
  return drawn.sort((a, b) => a.order - b.order).map(({ kind }) => kind);
}
