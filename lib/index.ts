/** What other CDK apps import. */

export { AgentHeartbeat } from "./agent-heartbeat";
export { AgentHeartbeatStack, type AgentHeartbeatStackProps } from "./agent-heartbeat-stack";
export type { AgentHeartbeatProps, HeartbeatProps, ThrottlingProps } from "./props";
