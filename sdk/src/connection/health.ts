/** The health of an agent's connection. */

import type { AgentState } from "./state";

/** The last connection's end. */
export interface LastDisconnect {
  /** The WebSocket close code; null if the connection broke without one. */
  code: number | null;
  reason: string;
  /** Epoch milliseconds by the local clock. */
  at: number;
}

/** The health of heartbeats over HTTP. */
export interface HttpHealth {
  /** Whether the last one was accepted. If not, heartbeats go over the WebSocket until the next attempt. */
  healthy: boolean;
  /** When the last one was acknowledged, epoch milliseconds by the local clock; null before the first. */
  lastHeartbeatAck: number | null;
  /** How many failed since then. */
  failedAttempts: number;
  lastFailure: HttpFailure | null;
}

/** How a heartbeat over HTTP failed. */
export interface HttpFailure {
  /** The HTTP status; null if there was no response. */
  status: number | null;
  reason: string;
  /** Epoch milliseconds by the local clock. */
  at: number;
}

/** The state of a connection manager at a moment: plain data, so that it can cross threads. */
export interface ManagerHealth {
  state: AgentState;
  connected: boolean;
  /** Epoch milliseconds by the local clock. */
  lastAckAt: number | null;
  /** The same by the runtime's monotonic clock. */
  lastAckMonotonic: number | null;
  /** How old an ack may be; null where no heartbeats are sent. */
  ackTimeoutMs: number | null;
  reconnectAttempts: number;
  roundTripMs: number | null;
  clockSkewMs: number | null;
  eventLoopLagMs: number;
  lastDisconnect: LastDisconnect | null;
  http?: HttpHealth;
}

/** The health without a connection manager, or before its first event. */
export const healthBefore = (state: AgentState): ManagerHealth => ({
  state,
  connected: false,
  lastAckAt: null,
  lastAckMonotonic: null,
  ackTimeoutMs: null,
  reconnectAttempts: 0,
  roundTripMs: null,
  clockSkewMs: null,
  eventLoopLagMs: 0,
  lastDisconnect: null,
});

/** An agent's own view of its connection. */
export interface ConnectionHealth {
  /** Connected, with an ack younger than the heartbeat timeout, and not draining: it accepts work. */
  healthy: boolean;
  connected: boolean;
  state: AgentState;
  /** When the last ack arrived, epoch milliseconds by the local clock; null before the first. */
  lastHeartbeatAck: number | null;
  secondsSinceAck: number | null;
  /** Failed attempts since the last stable connection. */
  reconnectAttempts: number;
  /** From heartbeat to ack, in milliseconds. */
  roundTripMs: number | null;
  /** How far the local clock is ahead of the server's, in milliseconds; null until it is known. */
  clockSkewMs: number | null;
  /** How late the event loop ran when last measured, in milliseconds. */
  eventLoopLagMs: number;
  lastDisconnect: LastDisconnect | null;
  /** Of `heartbeatTransport: "http"`; the other fields are those of the WebSocket. Left out without it. */
  http?: HttpHealth;
}

/**
 * Derives the health from a snapshot.
 *
 * @param monotonicNow milliseconds by the runtime's monotonic clock
 */
export function judgeHealth(health: ManagerHealth, monotonicNow: number): ConnectionHealth {
  const { lastAckAt, lastAckMonotonic, ackTimeoutMs, ...rest } = health;
  const ageMs = lastAckMonotonic === null ? null : Math.max(0, monotonicNow - lastAckMonotonic);
  const acked = ackTimeoutMs === null || (ageMs !== null && ageMs < ackTimeoutMs);
  return {
    healthy: rest.connected && acked && rest.state !== "draining",
    ...rest,
    lastHeartbeatAck: lastAckAt,
    secondsSinceAck: ageMs === null ? null : ageMs / 1000,
  };
}
