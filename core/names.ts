/** Names that the functions and the stack share: of events, metrics, and an index. */

import type { TransitionEvent } from "./protocol";

/** The `source` of the service's own events. */
export const EVENT_SOURCE = "agent-heartbeat";

/** The `detail-type` of each transition. */
export const DETAIL_TYPES: Readonly<Record<TransitionEvent, string>> = {
  online: "Agent Online",
  offline: "Agent Offline",
  stalled: "Agent Stalled",
  recovered: "Agent Recovered",
};

/** The `detail-type` of the sweep's events of a mass expiry. */
export const MASS_EXPIRY_DETAIL_TYPES = {
  suspected: "Mass Expiry Suspected",
  ended: "Mass Expiry Ended",
} as const;

/** The `detail-type` of messages to agents. Any service may put them on the bus. */
export const MESSAGE_DETAIL_TYPE = "Agent Message";

/** The namespace of the service's metrics. */
export const METRICS_NAMESPACE = "AgentHeartbeat";

/** The dimension `service` of metrics of all message routes together. */
export const ALL_ROUTES = "routes";

/** The index of subscriptions by connection. */
export const SUBSCRIPTIONS_BY_CONNECTION = "byConnection";

/** The index by which an agent's subscriptions are counted. */
export const SUBSCRIPTIONS_BY_OWNER = "byOwner";
