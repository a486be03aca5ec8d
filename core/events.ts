/**
 * The contract of the event bus: `source`, `detail-type` and `detail` of every event. Mirrors `docs/events.md`; a test keeps
 * the two equal. Times ending in `At` are epoch milliseconds by the server's clock.
 */

import type { OfflineReason, Transition } from "./presence";

/** The `source` of the service's own events. */
export const EVENT_SOURCE = "agent-heartbeat";

/** The `detail-type` of every event: transitions by their `event`, those of self-preservation, and messages to agents. */
export const EVENT_DETAIL_TYPES = {
  online: "Agent Online",
  offline: "Agent Offline",
  stalled: "Agent Stalled",
  recovered: "Agent Recovered",
  draining: "Agent Draining",
  massExpirySuspected: "Mass Expiry Suspected",
  massExpiryEnded: "Mass Expiry Ended",
  message: "Agent Message",
} as const;

/** The `detail-type` of an event. */
export type EventDetailType = (typeof EVENT_DETAIL_TYPES)[keyof typeof EVENT_DETAIL_TYPES];

/** An agent came online: it connected, or a heartbeat revived it after its lease had expired. */
export interface AgentOnlineDetail extends Transition {
  event: "online";
  status: "online";
  reason: "connected" | "revived";
}

/** An agent went offline. */
export interface AgentOfflineDetail extends Transition {
  event: "offline";
  status: "offline";
  reason: OfflineReason;
}

/** The work of an agent that is online made no progress for longer than its `maxSilence`. Published by the sweep. */
export interface AgentStalledDetail extends Transition {
  event: "stalled";
  status: "online";
  reason: "no_progress";
}

/** The work of an agent that had stalled made progress again. Published by the sweep. */
export interface AgentRecoveredDetail extends Transition {
  event: "recovered";
  status: "online";
  reason: "progress";
}

/** An online agent accepts no further work, and leaves when its current work is finished. `Agent Offline` follows. */
export interface AgentDrainingDetail extends Transition {
  event: "draining";
  status: "online";
  reason: "drain_started";
}

/** What the events of self-preservation have in common. */
export interface MassExpiryDetail {
  /** Whose agents are silent; null if those of several organizations are. */
  organizationId: string | null;
  suspectedAt: number;
  /** The first sweep after this time publishes the events of agents that are still silent. */
  heldUntil: number;
  /** When the loss was confirmed; absent while expirations are withheld. */
  confirmedAt?: number;
  /** Agents that had missed a heartbeat, whether or not their lease had expired. */
  silent: number;
  /** All agents stored as online. */
  online: number;
  /** Connections of some silent agents, as the gateway knows them. */
  sample: ConnectionSample;
}

/** What the gateway knows of a sample of them. */
export interface ConnectionSample {
  probed: number;
  /** Open, and active after the last stored heartbeat: its messages don't reach the table. */
  active: number;
  /** Open, and silent. */
  silent: number;
  /** Closed, but still in the table. */
  gone: number;
}

/** So many agents fell silent at once that the service suspects a fault of its own, and withholds offline events. */
export interface MassExpirySuspectedDetail extends MassExpiryDetail {
  event: "suspected";
}

/** Offline events are no longer withheld. */
export interface MassExpiryEndedDetail extends MassExpiryDetail {
  event: "ended";
  /** `recovered`: the agents sent heartbeats again. `confirmed`: they are gone, and their events follow. */
  outcome: "recovered" | "confirmed";
  endedAt: number;
}

/**
 * A message to agents. Any service may put it on the bus, with any `source`. Agent Heartbeat delivers it, and publishes
 * none itself.
 */
export interface AgentMessageDetail {
  organizationId: string;
  /** Only this agent receives the message. Required without `subject` and `capability`. */
  agentId?: string;
  /**
   * Only one agent with this capability receives the message: one that is online and not draining, blocked or stalled. Not
   * together with `agentId`.
   *
   * @minLength 1
   * @maxLength 64
   */
  capability?: string;
  /** All subscribers receive the message; with `agentId` or `capability`, only that agent. @default "direct" */
  subject?: string;
  /** Any JSON. @default null */
  data?: unknown;
  /** The sender's W3C trace context, which the message is delivered with. One that is malformed is left out. */
  traceparent?: string;
  /** What tracing systems add to `traceparent`: at most 512 characters. */
  tracestate?: string;
}

/** An event as EventBridge hands it to a target. */
export interface BusEvent<DetailType extends EventDetailType, Detail> {
  version: string;
  /** The same for every delivery of an event to a rule. Transitions have a `transitionId`, which is also the same if published again. */
  id: string;
  source: string;
  "detail-type": DetailType;
  account: string;
  /** ISO 8601, to the second. Of a transition: when it happened. */
  time: string;
  region: string;
  resources: string[];
  detail: Detail;
}

export type AgentOnlineEvent = BusEvent<"Agent Online", AgentOnlineDetail>;
export type AgentOfflineEvent = BusEvent<"Agent Offline", AgentOfflineDetail>;
export type AgentStalledEvent = BusEvent<"Agent Stalled", AgentStalledDetail>;
export type AgentRecoveredEvent = BusEvent<"Agent Recovered", AgentRecoveredDetail>;
export type AgentDrainingEvent = BusEvent<"Agent Draining", AgentDrainingDetail>;
export type MassExpirySuspectedEvent = BusEvent<"Mass Expiry Suspected", MassExpirySuspectedDetail>;
export type MassExpiryEndedEvent = BusEvent<"Mass Expiry Ended", MassExpiryEndedDetail>;
export type AgentMessageEvent = BusEvent<"Agent Message", AgentMessageDetail>;

/** A transition, as a target of a rule receives it. */
export type AgentTransitionEvent =
  | AgentOnlineEvent
  | AgentOfflineEvent
  | AgentStalledEvent
  | AgentRecoveredEvent
  | AgentDrainingEvent;

/** Any event that the service publishes. */
export type AgentHeartbeatEvent =
  | AgentTransitionEvent
  | MassExpirySuspectedEvent
  | MassExpiryEndedEvent;
