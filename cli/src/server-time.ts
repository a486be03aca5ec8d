/** The server's time. */

import type { Service } from "./deployment";
import type { Io } from "./io";

/** Epoch milliseconds by the server's clock, as far as the reads before have shown it. */
export const serverTime = ({ statuses }: Pick<Service, "statuses">, io: Pick<Io, "now">): number =>
  io.now() + statuses.clockOffsetMs;
