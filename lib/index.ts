/**
 * The public entry point for CDK apps.
 *
 * @module @agent-heartbeat/cdk
 */

export { EVENT_DETAIL_TYPES, EVENT_SOURCE, type EventDetailType } from "../core/events";
export { AgentHeartbeat } from "./agent-heartbeat";
export { AgentHeartbeatStack, type AgentHeartbeatStackProps } from "./agent-heartbeat-stack";
export type { CustomDomainProps } from "./custom-domain";
export type { ExistingTables } from "./existing-tables";
export type { TransitionReason } from "./metrics";
export type { OutputName, Published as AgentHeartbeatOutputs } from "./outputs";
export type {
  AgentHeartbeatProps,
  HeartbeatProps,
  ReconnectProps,
  SelfPreservationProps,
} from "./props";
export type { StatusTableCapacity } from "./status-table-capacity";
export type {
  ReservedConcurrencyProps,
  Route,
  ThrottleLimits,
  ThrottlingProps,
} from "./throttling-props";
