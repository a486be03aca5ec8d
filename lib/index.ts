/**
 * What other CDK apps import.
 *
 * @module @agent-heartbeat/cdk
 */

export { AgentHeartbeat } from "./agent-heartbeat";
export { AgentHeartbeatStack, type AgentHeartbeatStackProps } from "./agent-heartbeat-stack";
export type {
  AgentHeartbeatProps,
  HeartbeatIntegration,
  HeartbeatProps,
  ThrottlingProps,
} from "./props";
