/** Agents and transitions as readers receive them, with defaults for all other fields. */

import type { AgentPresence, Transition } from "@agent-heartbeat/sdk/protocol";

/** An agent that is online and idle, with a lease of 90 seconds from now on, as lists and watchers show it. */
export function fakePresence(
  agentId: string,
  fields: Partial<AgentPresence> = {},
  now: number = Date.now(),
): AgentPresence {
  return {
    agentId,
    status: "online",
    reason: null,
    since: now,
    connectedAt: now,
    connectionId: `connection-of-${agentId}`,
    instanceId: `process-of-${agentId}`,
    lastHeartbeatAt: now,
    leaseExpiresAt: now + 90_000,
    leaseMs: 90_000,
    heartbeatIntervalMs: 30_000,
    activity: null,
    stalledSince: null,
    ...fields,
  };
}

let serial = 0;

/**
 * What the service publishes when an agent goes online or offline: the `detail` of an event on the bus, and the `data` of a
 * message on `presence.<agentId>`.
 */
export function fakeTransition(
  agentId: string,
  fields: Partial<Transition> = {},
  now: number = Date.now(),
): Transition {
  const { status = "online" } = fields;
  const { reason: _, profile: __, ...presence } = fakePresence(agentId, { status }, now);
  serial += 1;
  return {
    ...presence,
    transitionId: `transition-${serial}`,
    organizationId: "acme",
    event: status,
    previousStatus: status === "online" ? null : "online",
    reason: status === "online" ? "connected" : "connection_lost",
    at: now,
    ...fields,
  };
}
