/**
 * The time over which a whole fleet comes back: what the server advises of it, and after which ends of a
 * connection it counts.
 */

import { LIMITS } from "../../../core/limits";
import { type ConnectionEnd, isRefused } from "./connection";

/** The windows that are followed, so that wrong advice can neither park an agent nor make it storm. */
const FOLLOWED_MS = { min: 1000, max: 60 * 60_000 };

/**
 * The longest window after an end that names no cause. Most such ends befall one agent alone, which would
 * wait for nothing: see docs/adr/0013-reconnect-window.md.
 */
const MAX_DOUBTFUL_WINDOW_MS = 30_000;

/** How much earlier than announced the gateway's own clock may end a connection for its age. */
const AGE_TOLERANCE_MS = 10_000;

/** API Gateway: going away (idle, two hours, restart), restart, try again later. */
export const GATEWAY_CODES: ReadonlySet<number> = new Set([1001, 1012, 1013]);

/** No close frame came (1005, 1006), or one that blames the server (1011). */
const DOUBTFUL_CODES: ReadonlySet<number> = new Set([1005, 1006, 1011]);

/** The window in an ack, in milliseconds, within its limits; 0 where there is none that makes sense. */
export function advisedWindowMs(value: number | undefined): number {
  return value === undefined || value < FOLLOWED_MS.min ? 0 : Math.min(value, FOLLOWED_MS.max);
}

/**
 * The window to draw the next delay from, because others may have lost their connections by the same
 * cause; 0 where only this agent can be meant.
 *
 * @param ageMs how long the connection was open
 * @param advisedMs the window for the whole fleet; 0 where the server has not said
 */
export function fleetWindowMs(end: ConnectionEnd, ageMs: number, advisedMs: number): number {
  if (isRefused(end)) return end.status === 429 || end.status >= 500 ? advisedMs : 0;
  // A handshake that reached no server may only say something about this agent's own network.
  if (end.how !== "closed") return 0;
  // Each connection reaches its greatest age at a time of its own.
  if (ageMs >= LIMITS.connectionDurationMs - AGE_TOLERANCE_MS) return 0;
  if (GATEWAY_CODES.has(end.code)) return advisedMs;
  return DOUBTFUL_CODES.has(end.code) ? Math.min(advisedMs, MAX_DOUBTFUL_WINDOW_MS) : 0;
}
