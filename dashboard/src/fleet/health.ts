/** How an agent is, in one word and in one sentence: finer than its status, and still derived. */

import type { AgentPresence, OfflineReason, Transition } from "@agent-heartbeat/sdk/protocol";

/** `draining` and `stalled` agents are online. */
export type Health = "offline" | "stalled" | "draining" | "online";

/** The worst first, as the table sorts them. */
export const HEALTHS: readonly Health[] = ["offline", "stalled", "draining", "online"];

/** What each is called in a heading or a cell. */
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
  client_closed: "the agent left",
  connection_lost: "connection lost",
  gateway_closed: "closed by the gateway",
  lease_expired: "lease ran out",
  drained: "finished and left",
  revoked: "disabled or removed",
  connected: "connected",
  revived: "revived by a heartbeat",
  no_progress: "its work does not advance",
  progress: "its work advances again",
};

export const reasonText = (reason: Transition["reason"]): string => REASONS[reason] ?? reason;

/** Reasons by which an agent goes on purpose. By every other one it is lost. */
const ON_PURPOSE: readonly OfflineReason[] = ["client_closed", "drained", "revoked"];

export const isLoss = (reason: Transition["reason"] | null): boolean =>
  reason !== null && !(ON_PURPOSE as readonly string[]).includes(reason);

/** Agents by health. */
export type HealthCounts = Record<Health, number> & {
  /** Of the offline ones, those that did not go on purpose. */
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

/** Agents whose connection counts, whatever they do with it. */
export const onlineOf = ({ online, stalled, draining }: HealthCounts): number =>
  online + stalled + draining;
