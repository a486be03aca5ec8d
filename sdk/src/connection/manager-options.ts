/** The options of a connection manager. */

import type { Schedules } from "./backoff";
import type { HeartbeatTerms } from "./heartbeat";
import type { SigningKey } from "./keys";
import type { LoginTerms } from "./token";

/** Everything that a connection manager needs to know. Plain data except for the function. */
export interface ManagerOptions {
  url: string;
  login: LoginTerms;
  /** Called before each login. */
  loadKey(): Promise<SigningKey>;
  /** Null: no heartbeats, and so no rotation and no look-out for silence. */
  heartbeat: HeartbeatTerms | null;
  autoReconnect: boolean;
  schedules: Schedules;
  /** A connection of this age resets the backoff. */
  stableAfterMs: number;
  /** The longest handshake, and the longest wait for the ack that follows a doubtful pause. */
  connectTimeoutMs: number;
  /** How long the peer may take to answer a close. */
  closeTimeoutMs: number;
  /** Where heartbeats go that are sent over HTTP. Left out where they go over the WebSocket. */
  httpUrl?: string;
  /** A connection is replaced at a random age between these two. */
  rotateAfterMs: { min: number; max: number };
}
