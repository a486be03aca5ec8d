/** What a timer that came late says of a connection. */

import { hint } from "../hint";
import type { Heartbeat } from "./heartbeat";
import type { Failure, StateReason } from "./state";
import type { Lateness } from "./wake-timer";

/**
 * A shorter pause need not have broken the connection, even if its lease has run out: platforms slow timers down to one a
 * minute where nobody looks.
 */
const BROKEN_AFTER_MS = 120_000;

/**
 * The machine slept, or the event loop was blocked, or the process stopped. Where the monotonic clock ran on meanwhile, the
 * machine was awake.
 *
 * @returns why the connection counts as lost; `doubtful` if only an ack can decide; null if nothing was missed
 */
export function pauseOf(
  [lateMs, pauseMs, doubtfulMs]: Lateness,
  { intervalMs, ackTimeoutMs }: Pick<Heartbeat, "intervalMs" | "ackTimeoutMs">,
): [Failure, StateReason] | "doubtful" | null {
  if (doubtfulMs < intervalMs) return null;
  if (pauseMs < Math.max(ackTimeoutMs, BROKEN_AFTER_MS)) return "doubtful";
  const isBlocked = lateMs >= ackTimeoutMs;
  const why = isBlocked
    ? hint("the event loop was blocked: heartbeatThread keeps heartbeats apart from it")
    : hint("the machine slept");
  const message = `a timer came ${Math.round(pauseMs / 1000)} s late${why}`;
  return [{ kind: "unresponsive", message }, isBlocked ? "blocked" : "woke_from_sleep"];
}
