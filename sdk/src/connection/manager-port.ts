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
  /** Heartbeats continue, and report it. It can't be undone. */
  drain(): void;
  stop(cause: StopCause): void;
  /** Makes the next attempt sooner, and probes an open connection. */
  reconnect(): void;
  /** Sends a message if there is a connection; otherwise an event `unsent` follows. */
  send(message: ClientMessage): void;
  /** The patterns to subscribe to from now on, on every connection. */
  setSubscriptions(patterns: readonly string[]): void;
  /** The activity in heartbeats from now on. Its times are monotonic. */
  setActivity(activity: Activity): void;
  health(): ManagerHealth;
}

/** What a connection manager emits. Plain data. */
export type ManagerEvent =
  | { type: "state"; change: StateChange }
  | { type: "failed"; failedAttempt: FailedAttempt }
  | { type: "acked"; ack: LeaseRenewal }
  | { type: "rotated" }
  /** The active connection is a new one, or has more subscriptions, and all of them are in place. */
  | { type: "ready" }
  /** The active connection broke: its open requests will not be answered. */
  | { type: "broken" }
  | { type: "clock_skew"; clockSkewMs: number }
  | { type: "message"; message: ReceivedMessage }
  | { type: "unsent"; message: ClientMessage };

/** The server renewed the lease. */
export interface LeaseRenewal {
  /** Null if it could not be measured. */
  roundTripMs: number | null;
  /**
   * Greater than that of any earlier process of the agent, for stores that refuse writes of older ones. It grows with each
   * ack. Not in browsers.
   */
  fencingToken?: number | undefined;
}

/** An attempt to connect, or a connection, that failed. */
export interface FailedAttempt {
  failure: Failure;
  /** Failures since the last stable connection, including this one. */
  attempts: number;
  /** When the next attempt follows; null if none does. */
  retryInMs: number | null;
  /** Whether the agent is still connected: the attempt was a rotation. */
  rotation: boolean;
}
