/**
 * The connections of agents by capability, in the Subscriptions table: an item for each capability of each connection, so that a
 * message finds agents that have one without reading the fleet. They end with the connection, as subscriptions do.
 */

import type { AttributeValue, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { capabilityAddress, capableConnection } from "../../core/subscription-keys";
import { deleteItems, type ItemKey, putItems } from "./batch-write";
import { drawSlots, type Subscriber } from "./subscription-reader";
import { processSlot, ttlOf } from "./subscriptions";

/** An agent's connection, which is listed. */
export interface CapableConnection extends Subscriber {
  /** When the registration ends. */
  registeredUntil?: number | undefined;
}

/** Every method rejects with the client's error if DynamoDB fails. */
export class CapableAgents {
  /** @param random from 0 to below 1: draws agents */
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
    private readonly random: () => number = Math.random,
  ) {}

  /**
   * Lists a connection as one of an agent with capabilities, or renews what is listed.
   *
   * @param now epoch milliseconds
   * @throws Error if DynamoDB does not take all
   */
  async add(
    connection: CapableConnection,
    capabilities: readonly string[],
    now: number,
  ): Promise<void> {
    const { organizationId, agentId, instanceId, connectionId, registeredUntil } = connection;
    const ttlEpochSeconds = ttlOf(now, registeredUntil);
    const Item = marshall({ organizationId, agentId, instanceId, connectionId, ttlEpochSeconds });
    const keys = keysOf(connection, capabilities);
    const items = keys.map((key): Record<string, AttributeValue> => ({ ...Item, ...key }));
    await putItems(this.client, this.tableName, items);
  }

  /** Takes a connection away from capabilities. */
  async remove(connection: Subscriber, capabilities: readonly string[]): Promise<void> {
    await deleteItems(this.client, this.tableName, keysOf(connection, capabilities));
  }

  /**
   * Connections of agents that have a capability: all, or some drawn at random of many.
   *
   * @param now epoch milliseconds
   */
  async find(organizationId: string, capability: string, now: number): Promise<Subscriber[]> {
    const address = capabilityAddress(organizationId, capability);
    const { client, tableName, random } = this;
    return drawSlots({ client, tableName, random }, address, now);
  }
}

/** An agent may say the same twice. */
function keysOf(
  { organizationId, agentId, instanceId, connectionId }: Subscriber,
  capabilities: readonly string[],
): ItemKey[] {
  const subscriber = { S: capableConnection(processSlot(agentId, instanceId), connectionId) };
  return [...new Set(capabilities)].map((capability) => ({
    address: { S: capabilityAddress(organizationId, capability) },
    subscriber,
  }));
}
