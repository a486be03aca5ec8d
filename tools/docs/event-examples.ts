/** An example of each event, for the documentation and for tests. */

import {
  type AgentHeartbeatEvent,
  type AgentMessageEvent,
  EVENT_DETAIL_TYPES,
  EVENT_SOURCE,
  type EventDetailType,
} from "../../core/events";

const AT = Date.UTC(2026, 4, 4, 9, 30);

const envelope = (at: number, source: string = EVENT_SOURCE) => ({
  version: "0",
  id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
  source,
  account: "123456789012",
  time: new Date(at).toISOString().replace(".000", ""),
  region: "eu-central-1",
  resources: [],
});

const agent = {
  agentId: "worker-7",
  organizationId: "acme",
  connectionId: "JKJaXmPLvHcESHA=",
  instanceId: "5f2b1e0a-1c7d-4b0e-9a52-7f0a4c1f6a11",
  connectedAt: AT - 3_600_000,
  lastHeartbeatAt: AT - 90_000,
  leaseExpiresAt: AT,
  leaseMs: 90_000,
  heartbeatIntervalMs: 30_000,
  activity: { state: "working", task: "tasks.process", inFlight: 1 },
  stalledSince: null,
} as const;

const massExpiry = {
  organizationId: "acme",
  suspectedAt: AT,
  heldUntil: AT + 300_000,
  silent: 412,
  online: 500,
  sample: { probed: 20, active: 18, silent: 1, gone: 1 },
};

/** By `detail-type`. */
export const EVENT_EXAMPLES: {
  [Type in EventDetailType]: Extract<
    AgentHeartbeatEvent | AgentMessageEvent,
    { "detail-type": Type }
  >;
} = {
  "Agent Online": {
    ...envelope(AT),
    "detail-type": EVENT_DETAIL_TYPES.online,
    detail: {
      ...agent,
      transitionId: "9d0c2f4e8b1a",
      event: "online",
      status: "online",
      previousStatus: "offline",
      reason: "connected",
      since: AT,
      at: AT,
      connectedAt: AT,
      lastHeartbeatAt: AT,
      leaseExpiresAt: AT + 90_000,
      activity: null,
    },
  },
  "Agent Offline": {
    ...envelope(AT),
    "detail-type": EVENT_DETAIL_TYPES.offline,
    detail: {
      ...agent,
      transitionId: "c41e7ad05f92",
      event: "offline",
      status: "offline",
      previousStatus: "online",
      reason: "lease_expired",
      since: AT,
      at: AT,
    },
  },
  "Agent Stalled": {
    ...envelope(AT),
    "detail-type": EVENT_DETAIL_TYPES.stalled,
    detail: {
      ...agent,
      transitionId: "0be8a61d3c77",
      event: "stalled",
      status: "online",
      previousStatus: "online",
      reason: "no_progress",
      since: AT - 3_600_000,
      at: AT,
      lastHeartbeatAt: AT - 5_000,
      leaseExpiresAt: AT + 85_000,
      stalledSince: AT,
    },
  },
  "Agent Recovered": {
    ...envelope(AT),
    "detail-type": EVENT_DETAIL_TYPES.recovered,
    detail: {
      ...agent,
      transitionId: "77f3c9120ade",
      event: "recovered",
      status: "online",
      previousStatus: "online",
      reason: "progress",
      since: AT - 3_600_000,
      at: AT,
      lastHeartbeatAt: AT - 5_000,
      leaseExpiresAt: AT + 85_000,
    },
  },
  "Agent Draining": {
    ...envelope(AT),
    "detail-type": EVENT_DETAIL_TYPES.draining,
    detail: {
      ...agent,
      transitionId: "e2a90c4b7f15",
      event: "draining",
      status: "online",
      previousStatus: "online",
      reason: "drain_started",
      since: AT - 3_600_000,
      at: AT,
      lastHeartbeatAt: AT,
      leaseExpiresAt: AT + 90_000,
      activity: { state: "draining", task: "tasks.process", inFlight: 1 },
    },
  },
  "Mass Expiry Suspected": {
    ...envelope(AT),
    "detail-type": EVENT_DETAIL_TYPES.massExpirySuspected,
    detail: { ...massExpiry, event: "suspected" },
  },
  "Mass Expiry Ended": {
    ...envelope(AT + 120_000),
    "detail-type": EVENT_DETAIL_TYPES.massExpiryEnded,
    detail: { ...massExpiry, event: "ended", outcome: "recovered", endedAt: AT + 120_000 },
  },
  "Agent Message": {
    ...envelope(AT, "com.example.orders"),
    "detail-type": EVENT_DETAIL_TYPES.message,
    detail: {
      organizationId: "acme",
      agentId: "worker-7",
      subject: "tasks.process",
      data: { order: 4711 },
    },
  },
};
