/** Names that the functions and the stack share: of metrics, and of indexes. */

/** The namespace of the service's metrics. */
export const METRICS_NAMESPACE = "AgentHeartbeat";

/** The dimension `service` of metrics of all message routes together. */
export const ALL_ROUTES = "routes";

/** The index of subscriptions by connection. */
export const SUBSCRIPTIONS_BY_CONNECTION = "byConnection";

/** The index by which an agent's subscriptions are counted. */
export const SUBSCRIPTIONS_BY_OWNER = "byOwner";
