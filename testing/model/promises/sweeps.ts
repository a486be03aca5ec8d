/** What a sweep does to the row. */

import { broken, text } from "../broken";
import type { Operation } from "../world/participants";
import type { World } from "../world/world";

/** A sweep acts on what it has seen, if it is so still, and says whether it has. */
export function swept(world: World, operation: Operation, outcome: string | undefined): void {
  const { row, previous, writer, now } = world;
  const { kind, observed, smooth } = operation;
  if (writer !== operation || !smooth || !observed) return;
  if (text(previous) === text(observed) && outcome !== "true") {
    broken("what a sweep has seen, and is so still, is written", row);
  }
  if (outcome !== "true" || !previous) return;
  const { status, stalledSince, displaced, leaseExpiresAt } = previous;
  const done = {
    expire: row?.reason === "lease_expired" && status === "online" && leaseExpiresAt <= now,
    stall: row?.stalledSince === row?.stallsAt && stalledSince === undefined,
    recover: row?.stalledSince === undefined && stalledSince === observed.stalledSince,
    forget: row?.displaced === undefined && text(displaced) === text(observed.displaced),
  };
  if (!done[kind as keyof typeof done]) broken("a sweep does what it says", row);
}
