/** Shows an agent's health and reason in the matching colour. */

import type { AgentPresence } from "@agent-heartbeat/sdk/protocol";
import StatusIndicator, {
  type StatusIndicatorProps,
} from "@cloudscape-design/components/status-indicator";
import { HEALTH_NAMES, type Health, healthOf, isLoss, reasonText } from "./health";

const TYPES: Record<Exclude<Health, "offline">, StatusIndicatorProps.Type> = {
  online: "success",
  stalled: "warning",
  draining: "in-progress",
};

export interface HealthIndicatorProps {
  agent: AgentPresence;
  /** Whether the data may be out of date. Nothing is shown in green then. */
  stale: boolean;
}

export function HealthIndicator({ agent, stale }: HealthIndicatorProps) {
  const health = healthOf(agent);
  const text = healthText(agent);
  if (stale) {
    return <StatusIndicator type="pending">Unknown, was {text.toLowerCase()}</StatusIndicator>;
  }
  if (health !== "offline") return <StatusIndicator type={TYPES[health]}>{text}</StatusIndicator>;
  const type = isLoss(agent.reason) ? "error" : "stopped";
  return <StatusIndicator type={type}>{text}</StatusIndicator>;
}

/** As in `Offline: connection lost`. */
function healthText(agent: AgentPresence): string {
  const health = healthOf(agent);
  const name = HEALTH_NAMES[health];
  return health === "offline" && agent.reason ? `${name}: ${reasonText(agent.reason)}` : name;
}
