/** An agent's health: derived from its status and activity, and finer than the status. */

import type { AgentPresence, OfflineReason, Transition } from "@agent-heartbeat/sdk/protocol";

/** `draining` and `stalled` agents are online. */
export type Health = "offline" | "stalled" | "draining" | "online";

/** Most urgent first: the default sort order of the table. */
export const HEALTHS: readonly Health[] = ["offline", "stalled", "draining", "online"];

/** Display names for headings and cells. */
export const HEALTH_NAMES: Record<Health, string> = {
  offline: "Offline",
  stalled: "Stalled",
  draining: "Draining",
  online: "Online",
};

export function healthOf({ status, stalledSince, activity }: AgentPresence): Health {
  if (status === "offline") return "offline";
  if (stalledSince !== null) return "stalled";
  return activity?.state === "draining" ? "draining" : "online";
}

const REASONS: Record<Transition["reason"], string> = {
  client_closed: "closed by the agent",
  connection_lost: "connection lost",
  gateway_closed: "closed by the gateway",
  lease_expired: "lease expired",
  drained: "drained",
  failed: "run failed",
  revoked: "disabled or removed",
  connected: "connected",
  revived: "revived by a heartbeat",
  no_progress: "no progress",
  progress: "progress resumed",
  drain_started: "finishing its work",
};

export const reasonText = (reason: Transition["reason"]): string => REASONS[reason] ?? reason;

/** Reasons that mean an intended end. With any other reason the agent is lost. */
const INTENDED: readonly OfflineReason[] = ["client_closed", "drained", "revoked"];

export const isLoss = (reason: Transition["reason"] | null): boolean =>
  reason !== null && !(INTENDED as readonly string[]).includes(reason);

/** Agents by health. */
export type HealthCounts = Record<Health, number> & {
  /** Offline agents that did not end intentionally. */
  lost: number;
  total: number;
};

export function countHealths(agents: Iterable<AgentPresence>): HealthCounts {
  const counts = { offline: 0, stalled: 0, draining: 0, online: 0, lost: 0, total: 0 };
  for (const agent of agents) {
    counts[healthOf(agent)] += 1;
    counts.total += 1;
    if (isLoss(agent.reason)) counts.lost += 1;
  }
  return counts;
}

/** Agents whose status is online, whatever their activity. */
export const onlineOf = ({ online, stalled, draining }: HealthCounts): number =>
  online + stalled + draining;
