/** What `status` can be asked for: a status, or what is special about an agent that is online. */

import type { AgentPresence, Status } from "@agent-heartbeat/sdk/status";

/**
 * `stalled` are agents that are online, but whose work has not advanced for longer than it may; `draining` those that finish
 * their work and leave.
 */
export const STATUS_FILTERS = ["online", "offline", "stalled", "draining"] as const;
export type StatusFilter = (typeof STATUS_FILTERS)[number];

/** Whether an agent is what was asked for. A stalled or draining one is online too. */
export function matches(agent: AgentPresence, filter: StatusFilter | undefined): boolean {
  return filter === undefined || agent.status === filter || wordOf(agent) === filter;
}

/** The status that the reader can look for itself. */
export function statusOf(filter: StatusFilter | undefined): Status | undefined {
  return filter === "stalled" || filter === "draining" ? "online" : filter;
}

/** What an agent reads as, in one word. */
export function wordOf({ status, stalledSince, activity }: AgentPresence): StatusFilter {
  if (stalledSince !== null) return "stalled";
  return status === "online" && activity?.state === "draining" ? "draining" : status;
}
