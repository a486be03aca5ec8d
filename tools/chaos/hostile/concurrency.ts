/** The concurrency of a run with a hostile tenant: part of an account's, most of it for what must not wait. */

import type { ReservedConcurrencyProps } from "../../../lib/throttling-props";

/** Most agents that are observed. All may connect or stop at once. */
export const MOST_AGENTS = 100;

export const RESERVED = {
  heartbeat: MOST_AGENTS,
  authorize: MOST_AGENTS,
  connect: MOST_AGENTS,
  // An agent that rotates its connection has two.
  disconnect: 2 * MOST_AGENTS,
  transitions: 10,
  sweep: 1,
} satisfies ReservedConcurrencyProps;

/** Lambda leaves 100 to functions without a reservation. */
export const CONCURRENCY =
  100 + Object.values(RESERVED).reduce((sum, reserved) => sum + reserved, 0);
