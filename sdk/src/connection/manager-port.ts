/** The interface between an agent and its connection manager: the same whether that runs in this thread or in another. */

import type { Activity } from "../../../core/presence";
import type { ClientMessage } from "../../../core/protocol";
import type { ReceivedMessage } from "../../../core/server-messages";
import type { ManagerHealth } from "./health";
import type { Failure, StateChange } from "./state";

/** Why a connection manager is stopped. */
export type StopCause = "stop" | "drained";

/** What an agent calls. */
export interface ManagerPort {
  start(): void;
  /** Heartbeats go on and say so; no way back. */
  drain(): void;
  stop(cause: StopCause): void;
  /** Tries soon what would be tried later, and asks an open connection for a sign of life. */
  reconnect(): void;
  /** Sends a message if there is a connection; otherwise an event `unsent` follows. */
  send(message: ClientMessage): void;
  /** The patterns to be subscribed to from now on, on every connection. */
  setSubscriptions(patterns: readonly string[]): void;
  /** What the heartbeats say from now on. Its times are monotonic. */
  setActivity(activity: Activity): void;
  health(): ManagerHealth;
}

/** What a connection manager emits. Plain data. */
export type ManagerEvent =
  | { type: "state"; change: StateChange }
  | { type: "failed"; failedAttempt: FailedAttempt }
  | { type: "acked"; ack: LeaseRenewal }
  | { type: "rotated" }
  /** The connection that counts is a new one, or has more to bring, and all subscriptions are in place. */
  | { type: "ready" }
  /** The connection that counted broke: what was asked on it stays unanswered. */
  | { type: "broken" }
  | { type: "clock_skew"; clockSkewMs: number }
  | { type: "message"; message: ReceivedMessage }
  | { type: "unsent"; message: ClientMessage };

/** The server renewed the lease. */
export interface LeaseRenewal {
  /** Null where it could not be measured. */
  roundTripMs: number | null;
  /**
   * Greater than that of any process which had the agent id before, for stores that refuse writes of an older one. It grows with each
   * ack. Not in browsers.
   */
  fencingToken?: number | undefined;
}

/** An attempt to connect, or a connection, that failed. */
export interface FailedAttempt {
  failure: Failure;
  /** Failures since the last connection that proved stable, this one included. */
  attempts: number;
  /** When the next attempt follows; null if none does. */
  retryInMs: number | null;
  /** Whether the agent is connected all the same: the attempt was to replace a connection in time. */
  rotation: boolean;
}
