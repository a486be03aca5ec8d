/** A row of the fleet table: an agent with the values it is sorted and filtered by. */

import type { AgentPresence } from "@agent-heartbeat/sdk/protocol";
import { HEALTH_NAMES, HEALTHS, healthOf, isLoss, reasonText } from "./health";
import { flapsIn, type History } from "./history-cache";

export interface Row {
  agentId: string;
  agent: AgentPresence;
  health: string;
  /** Sort order: the most urgent health has the lowest rank. */
  rank: number;
  reason: string;
  task: string;
  activity: string;
  capabilities: string;
  /** Undefined until the agent's history is loaded. */
  flaps: number | undefined;
  /** Metadata as text, by `metadataField(name)`. */
  [field: `metadata.${string}`]: string | undefined;
}

/** Maximum number of metadata fields offered as columns and filters. */
const MAX_FIELDS = 20;

export const metadataField = (name: string) => `metadata.${name}` as const;

const MINUTE_MS = 60_000;

/** Cached rows: most agents stay unchanged for long. */
const rowCache = new WeakMap<
  AgentPresence,
  { history: History | undefined; minute: number; row: Row }
>();

/**
 * The agent's row. Within one minute the same object is returned while agent and history are
 * unchanged.
 */
export function rowOf(agent: AgentPresence, history: History | undefined, now: number): Row {
  const minute = Math.floor(now / MINUTE_MS);
  const before = rowCache.get(agent);
  if (before?.history === history && before?.minute === minute) return before.row;
  const row = newRow(agent, history, now);
  rowCache.set(agent, { history, minute, row });
  return row;
}

function newRow(agent: AgentPresence, history: History | undefined, now: number): Row {
  const { activity, profile, reason } = agent;
  const health = healthOf(agent);
  return {
    agentId: agent.agentId,
    agent,
    health: HEALTH_NAMES[health],
    // Among offline agents, lost ones come first.
    rank: HEALTHS.indexOf(health) + (health === "offline" && !isLoss(reason) ? 0.5 : 0),
    reason: reason ? reasonText(reason) : "",
    task: activity?.task ?? "",
    activity: activity?.state ?? "",
    capabilities: profile?.capabilities.join(", ") ?? "",
    flaps: flapsIn(history, now),
    ...metadataOf(profile?.metadata),
  };
}

const metadataCache = new WeakMap<object, Record<string, string>>();

function metadataOf(metadata: Record<string, unknown> | undefined): Record<string, string> {
  if (!metadata) return {};
  const known = metadataCache.get(metadata);
  if (known) return known;
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(metadata)) {
    fields[metadataField(name)] = typeof value === "object" ? JSON.stringify(value) : String(value);
  }
  metadataCache.set(metadata, fields);
  return fields;
}

/** Metadata names in use, `version` first. */
export function metadataNames(agents: readonly AgentPresence[]): string[] {
  const names = new Set<string>(["version"]);
  for (const { profile } of agents) {
    for (const name of Object.keys(profile?.metadata ?? {})) {
      names.add(name);
      if (names.size >= MAX_FIELDS) return [...names];
    }
  }
  return [...names];
}

/** Most urgent first, and newest first within a rank. */
export const byUrgency = (a: Row, b: Row): number =>
  a.rank - b.rank ||
  (a.agent.status === "offline" ? b.agent.since - a.agent.since : 0) ||
  (a.agentId < b.agentId ? -1 : 1);
