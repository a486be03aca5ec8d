/** A row of the table: an agent with what it is sorted and filtered by. */

import type { AgentPresence } from "@agent-heartbeat/sdk/protocol";
import { HEALTH_NAMES, HEALTHS, healthOf, isLoss, reasonText } from "./health";
import { flapsIn, type History } from "./history-book";

export interface Row {
  agentId: string;
  agent: AgentPresence;
  health: string;
  /** Place of the health in the order of urgency. */
  rank: number;
  reason: string;
  task: string;
  activity: string;
  capabilities: string;
  /** Undefined where the agent's history is not known. */
  flaps: number | undefined;
  /** Metadata by `metadataField(name)`, as text. */
  [field: `metadata.${string}`]: string | undefined;
}

/** Metadata that may become a column or a filter: the more, the less they tell. */
const MOST_FIELDS = 20;

export const metadataField = (name: string) => `metadata.${name}` as const;

const MINUTE_MS = 60_000;

/** The rows of agents as they were last, for most agents are the same for long. */
const made = new WeakMap<
  AgentPresence,
  { history: History | undefined; minute: number; row: Row }
>();

/** The agent's row: the same one within a minute, while neither agent nor history is another. */
export function rowOf(agent: AgentPresence, history: History | undefined, now: number): Row {
  const minute = Math.floor(now / MINUTE_MS);
  const before = made.get(agent);
  if (before?.history === history && before?.minute === minute) return before.row;
  const row = newRow(agent, history, now);
  made.set(agent, { history, minute, row });
  return row;
}

function newRow(agent: AgentPresence, history: History | undefined, now: number): Row {
  const { activity, profile, reason } = agent;
  const health = healthOf(agent);
  return {
    agentId: agent.agentId,
    agent,
    health: HEALTH_NAMES[health],
    // Of those that are offline, the lost ones first.
    rank: HEALTHS.indexOf(health) + (health === "offline" && !isLoss(reason) ? 0.5 : 0),
    reason: reason ? reasonText(reason) : "",
    task: activity?.task ?? "",
    activity: activity?.state ?? "",
    capabilities: profile?.capabilities.join(", ") ?? "",
    flaps: flapsIn(history, now),
    ...metadataOf(profile?.metadata),
  };
}

const flattened = new WeakMap<object, Record<string, string>>();

function metadataOf(metadata: Record<string, unknown> | undefined): Record<string, string> {
  if (!metadata) return {};
  const known = flattened.get(metadata);
  if (known) return known;
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(metadata)) {
    fields[metadataField(name)] = typeof value === "object" ? JSON.stringify(value) : String(value);
  }
  flattened.set(metadata, fields);
  return fields;
}

/** Names of the metadata that agents have, `version` first. */
export function metadataNames(agents: readonly AgentPresence[]): string[] {
  const names = new Set<string>(["version"]);
  for (const { profile } of agents) {
    for (const name of Object.keys(profile?.metadata ?? {})) {
      names.add(name);
      if (names.size >= MOST_FIELDS) return [...names];
    }
  }
  return [...names];
}

/** The most urgent first, of those the newest. */
export const byUrgency = (a: Row, b: Row): number =>
  a.rank - b.rank ||
  (a.agent.status === "offline" ? b.agent.since - a.agent.since : 0) ||
  (a.agentId < b.agentId ? -1 : 1);
