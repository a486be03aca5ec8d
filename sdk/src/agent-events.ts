/** The events of an agent, and how it ended. */

import type { FailedAttempt, LeaseRenewal } from "./connection/manager-port";
import type { StateChange } from "./connection/state";
import type { AgentHeartbeatError } from "./errors";
import type { DropReason } from "./messaging/dispatcher";

/** Events of an agent. */
export interface AgentEvents {
  /** The state changed. */
  state: StateChange;
  /** A connection, or an attempt at one, failed. */
  attemptFailed: FailedAttempt & { error: AgentHeartbeatError };
  /** The server renewed the lease. */
  heartbeatAck: LeaseRenewal;
  /** A connection was replaced before the gateway's limit. */
  rotated: Record<string, never>;
  /** A refused login showed that the local clock is off; positive: ahead of the server's. */
  clockSkew: { clockSkewMs: number };
  /** Connected, with every subscription in place: emitted after each new connection. */
  ready: Record<string, never>;
  /** A handler threw or rejected, or its answer could not be sent. */
  handlerError: { subject: string; error: unknown };
  /** A message was dropped before any handler received it: too many are waiting (`queue_full`), its requester no longer waits (`expired`), or the agent ends. */
  messageDropped: {
    subject: string;
    reason: DropReason;
    /** How many messages were dropped so far. */
    dropped: number;
  };
  /** The server sent an `error` that belongs to no request, or a frame that violates the protocol. */
  protocolError: { message: string };
}

/** How a running agent ended. */
export type RunEnd = "stop" | "drained" | "superseded";
