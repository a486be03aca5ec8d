/** What `status` can be asked for: a status, or the mark of work that does not advance. */

import type { AgentPresence, Status } from "@agent-heartbeat/sdk/status";

/** `stalled` are agents that are online, but whose work has not advanced for longer than it may. */
export const STATUS_FILTERS = ["online", "offline", "stalled"] as const;
export type StatusFilter = (typeof STATUS_FILTERS)[number];

/** Whether an agent is what was asked for. A stalled one is online too. */
export function matches(agent: AgentPresence, filter: StatusFilter | undefined): boolean {
  if (filter === undefined) return true;
  return filter === "stalled" ? agent.stalledSince !== null : agent.status === filter;
}

/** The status that the reader can look for itself. */
export function statusOf(filter: StatusFilter | undefined): Status | undefined {
  return filter === "stalled" ? "online" : filter;
}

/** What an agent reads as, in one word. */
export function wordOf({ status, stalledSince }: AgentPresence): StatusFilter {
  return stalledSince === null ? status : "stalled";
}
