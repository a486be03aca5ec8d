/** The concurrency of a run with a hostile tenant: that of a small account, most of it for what must not wait. */

import type { ReservedConcurrencyProps } from "../../../lib/props";

export const RESERVED = {
  heartbeat: 40,
  authorize: 40,
  connect: 40,
  disconnect: 40,
  transitions: 10,
  sweep: 1,
} satisfies ReservedConcurrencyProps;

/** Lambda leaves 100 to functions without a reservation. */
export const CONCURRENCY =
  100 + Object.values(RESERVED).reduce((sum, reserved) => sum + reserved, 0);
