/** The states of an agent's connection to the service, and the allowed transitions. */

import type { FailureKind } from "./backoff";

/**
 * The state of an agent.
 *
 * - `idle`: not started.
 * - `connecting`: trying to connect for the first time.
 * - `connected`: the server has accepted the connection.
 * - `reconnecting`: was connected, and tries to connect again.
 * - `draining`: finishes its work, then ends: by `drain()`, or because another process has taken over.
 * - `stopped`: ended, by `stop()`, after a drain, or by a failure if `autoReconnect` is off.
 * - `superseded`: ended, because another process with the same agent id has taken over.
 */
export type AgentState =
  | "idle"
  | "connecting"
  | "connected"
  | "reconnecting"
  | "draining"
  | "stopped"
  | "superseded";

/**
 * Why the state changed. `blocked`: the event loop was blocked for longer than the heartbeat timeout, or the process was
 * stopped. `woke_from_sleep`: the machine slept for that long.
 */
export type StateReason =
  | "started"
  | "opened"
  | "connection_lost"
  | "unresponsive"
  | "blocked"
  | "woke_from_sleep"
  | "revoked"
  | "drain"
  | "drained"
  | "stop"
  | "failed"
  | "superseded";

/** Why there is no connection. Plain data, so that it can cross threads. */
export interface Failure {
  kind: FailureKind;
  /** One clause: what happened. */
  message: string;
  /** The WebSocket close code, if there was one. */
  code?: number;
  /** The HTTP status of a refused handshake, or of a refused enrolment. */
  status?: number;
  /** Why an enrolment did not register the agent: the `reason` of an `EnrolmentRefusedError`. Node.js. */
  enrolment?: string;
}

/** One change of state. */
export interface StateChange {
  state: AgentState;
  previous: AgentState;
  reason: StateReason;
  /** Epoch milliseconds by the local clock. */
  at: number;
  /** What failed, if something did. */
  failure?: Failure;
}

/** Every possible change. `docs/client-lifecycle.md` draws them, and tests hold agents to them. */
export const TRANSITIONS: Readonly<Record<AgentState, readonly AgentState[]>> = {
  idle: ["connecting", "stopped"],
  connecting: ["connected", "draining", "stopped"],
  connected: ["reconnecting", "draining", "stopped"],
  reconnecting: ["connected", "draining", "stopped"],
  draining: ["stopped", "superseded"],
  stopped: [],
  superseded: [],
};

/** Whether an agent in this state has ended for good. */
export const isFinal = (state: AgentState) => state === "stopped" || state === "superseded";
