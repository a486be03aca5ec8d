/** The records of agents' last transitions in the AgentRegistry table: keys, query and conversion. */

import { createHash } from "node:crypto";
import type { AttributeValue, QueryCommandInput } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { LIMITS } from "./limits";
import type { AgentPresence, Transition, TransitionRecord } from "./presence";

/** A stored transition, and the agent it belongs to. */
export interface AgentTransition extends TransitionRecord {
  agentId: string;
}

/** Where histories were before they had partitions of their own. What is there expires within 30 days. */
const FORMER_PREFIX = "history#";
const RETENTION_MS = 30 * 86_400_000;

/**
 * Partitions over which an organization's histories are spread: a transition is two writes, and a partition takes a
 * thousand a second. All of them are read for the history of an organization.
 */
const HISTORY_PARTITIONS = 16;

const COUNTER = "count";

/** No organization's id has a `#`. */
const partitionOf = (organizationId: string, partition: number) =>
  `${organizationId}#history#${partition}`;

function partitionOfAgent(organizationId: string, agentId: string): string {
  const [first = 0] = createHash("sha256").update(agentId).digest();
  return partitionOf(organizationId, first % HISTORY_PARTITIONS);
}

/** When a transition's record, and the counter of its agent, may be deleted. */
export const historyTtlEpochSeconds = (at: number) => Math.ceil((at + RETENTION_MS) / 1000);

/** The key of the counter that assigns slots to an agent's transitions. */
export const transitionCounterKey = (organizationId: string, agentId: string) =>
  marshall({
    organizationId: partitionOfAgent(organizationId, agentId),
    recordId: `${agentId}#${COUNTER}`,
  });

/** The item of an agent's transition number `count`, which overwrites the oldest one. */
export function historyItem(transition: Transition, count: number): Record<string, AttributeValue> {
  const { organizationId, agentId, transitionId, event, reason, at } = transition;
  const { connectionId, instanceId } = transition;
  const record: TransitionRecord = { transitionId, event, reason, at, connectionId, instanceId };
  const slot = String(count % LIMITS.historyLength).padStart(2, "0");
  return marshall({
    organizationId: partitionOfAgent(organizationId, agentId),
    recordId: `${agentId}#${slot}`,
    record,
    ttlEpochSeconds: historyTtlEpochSeconds(at),
  });
}

/** The queries for the transitions of one agent, or of all agents of an organization. */
export function historyQueries(
  TableName: string,
  organizationId: string,
  agentId?: string,
): QueryCommandInput[] {
  const query = (partition: string, prefix: string): QueryCommandInput => ({
    TableName,
    KeyConditionExpression: `organizationId = :partition${prefix && " AND begins_with(recordId, :prefix)"}`,
    ExpressionAttributeValues: {
      ":partition": { S: partition },
      ...(prefix && { ":prefix": { S: prefix } }),
    },
  });
  if (agentId !== undefined) {
    return [
      query(partitionOfAgent(organizationId, agentId), `${agentId}#`),
      query(organizationId, `${FORMER_PREFIX}${agentId}#`),
    ];
  }
  const partitions = Array.from({ length: HISTORY_PARTITIONS }, (_, index) =>
    query(partitionOf(organizationId, index), ""),
  );
  return [...partitions, query(organizationId, FORMER_PREFIX)];
}

/**
 * The transitions in the queries' items, newest first, without duplicates and expired ones.
 *
 * @param now epoch milliseconds by the server's clock
 */
export function transitionsIn(
  items: Record<string, AttributeValue>[],
  now: number,
): AgentTransition[] {
  const records = new Map<string, AgentTransition>();
  for (const { recordId, record, ttlEpochSeconds } of items.map((item) => unmarshall(item))) {
    if (ttlEpochSeconds * 1000 <= now) continue;
    if (!record) continue;
    const agentId = recordId.split("#").at(-2);
    records.set(record.transitionId, { agentId, ...record });
  }
  return [...records.values()].sort((one, other) => other.at - one.at);
}

/**
 * The transitions, newest first, with the ends of leases that are not stored as transitions yet: the sweep stores them
 * within minutes, or later while self-preservation withholds them. Readers derive the status, and so its history.
 *
 * @param agents whose transitions these are
 * @param now epoch milliseconds by the server's clock
 */
export function withDerivedEnds(
  transitions: readonly AgentTransition[],
  agents: readonly AgentPresence[],
  now: number,
): AgentTransition[] {
  const lastOffline = new Map<string, number>();
  for (const { agentId, event, at } of transitions) {
    if (event === "offline") lastOffline.set(agentId, Math.max(at, lastOffline.get(agentId) ?? 0));
  }
  const ends = agents
    .filter(({ reason }) => reason === "lease_expired")
    .filter(({ agentId, since }) => (lastOffline.get(agentId) ?? 0) < since)
    .filter(({ since }) => since + RETENTION_MS > now)
    .map(({ agentId, since, connectionId, instanceId }): AgentTransition => {
      const transitionId = `lease-end-${connectionId}-${since}`;
      const what = { event: "offline", reason: "lease_expired", at: since } as const;
      return { agentId, transitionId, ...what, connectionId, instanceId };
    });
  return [...ends, ...transitions].sort((one, other) => other.at - one.at);
}
