/** The server's time. */

import type { StatusReader } from "@agent-heartbeat/sdk/status";
import type { Io } from "../io";

/** Epoch milliseconds by the server's clock, as far as the reads before have shown it. */
export const serverTime = (
  { statuses }: { statuses: Pick<StatusReader, "clockOffsetMs"> },
  io: Pick<Io, "now">,
): number => io.now() + statuses.clockOffsetMs;
