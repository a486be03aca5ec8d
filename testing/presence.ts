/** Builders for the functions' tests: connections, events and rows. */

import { rowFromItem, type StatusRow } from "@agent-heartbeat/sdk/status";
import { type DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import type { ServerMessage } from "../core/protocol";
import type { LeaseHolder } from "../lambda/lease/holder";
import type { Connections, Outcome } from "../lambda/shared/connections";
import type { Guard } from "../lambda/shared/guard";
import { type Identity, toContext } from "../lambda/shared/identity";
import type { RouteEvent } from "../lambda/shared/message-route";
import type { CountBy, MetricsSink } from "../lambda/shared/metrics";

/** A connection of agent `a1` of organization `acme`, with overrides. */
export function holder(overrides: Partial<LeaseHolder> = {}): LeaseHolder {
  return {
    organizationId: "acme",
    agentId: "a1",
    connectionId: "A=",
    connectedAt: 1000,
    instanceId: "process-a",
    leaseMs: 90_000,
    heartbeatIntervalMs: 30_000,
    rotation: false,
    fencingToken: 0,
    keyTag: "key",
    ...overrides,
  };
}

function identity(overrides: Partial<Identity> = {}): Identity {
  return {
    organizationId: "acme",
    agentId: "a1",
    role: "agent",
    instanceId: "process-a",
    heartbeatIntervalMs: 30_000,
    leaseMs: 90_000,
    intervalAdvised: false,
    onDuplicate: "replace",
    reconnectWindowMs: 0,
    rotation: false,
    watches: false,
    fencingToken: 0,
    keyTag: "key",
    ...overrides,
  };
}

/** A route's event with an authorizer context. */
export function routeEvent(
  context: Partial<RouteEvent["requestContext"]> = {},
  body?: unknown,
  owner: Partial<Identity> = {},
): RouteEvent {
  return {
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    requestContext: {
      connectionId: "A=",
      connectedAt: 1000,
      requestTimeEpoch: 1000,
      routeKey: "heartbeat",
      authorizer: toContext(identity(owner)),
      ...context,
    },
  };
}

/** The stored row after the last write. */
export async function storedRow(
  client: DynamoDBClient,
  TableName: string,
  { organizationId, agentId }: { organizationId: string; agentId: string },
): Promise<StatusRow | undefined> {
  const Key = { organizationId: { S: organizationId }, agentId: { S: agentId } };
  const { Item } = await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
  return Item && rowFromItem(Item);
}

/** A guard that accepts every sender. */
export const OPEN_GUARD: Guard = { judge: async () => ({ standing: "holds", row: undefined }) };

/** Counts nobody's messages. */
export const OPEN_RATES = { spend: async () => "admitted" as const };

/** Records a function's metrics. */
export class MetricsRecorder {
  readonly counts: Record<string, number> = {};
  readonly sink: MetricsSink = {
    addMetric: (name, _unit, value) => {
      this.counts[name] = (this.counts[name] ?? 0) + value;
    },
    publishStoredMetrics: () => undefined,
  };
  readonly count: CountBy = (name, dimension, value) => {
    this.sink.addMetric([name, ...Object.values(dimension)].join(" "), "Count", value);
  };
}

/** Records a function's log lines. */
export class LogRecorder {
  readonly lines: unknown[] = [];
  readonly info = (line: unknown) => void this.lines.push(line);
  readonly warn = (line: unknown) => void this.lines.push(line);
  readonly error = (line: unknown) => void this.lines.push(line);
}

/** Records a function's calls of `@connections`. */
export class ConnectionsRecorder implements Connections {
  readonly calls: unknown[][] = [];

  async post(connectionId: string, message: ServerMessage): Promise<Outcome> {
    this.calls.push(["post", connectionId, message]);
    return "done";
  }

  async lastActiveAt(): Promise<number> {
    return 0;
  }

  async close(connectionId: string): Promise<Outcome> {
    this.calls.push(["close", connectionId]);
    return "done";
  }
}
