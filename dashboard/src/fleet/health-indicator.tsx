/** An agent's health with its reason, in the colour that it deserves. */

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
  /** Whether the page can't know: nothing is green then. */
  blind: boolean;
}

export function HealthIndicator({ agent, blind }: HealthIndicatorProps) {
  const health = healthOf(agent);
  const text = healthText(agent);
  if (blind) {
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
