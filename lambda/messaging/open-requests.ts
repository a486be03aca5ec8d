/**
 * Requests that one agent has been asked alone and has not answered, in the Subscriptions table: if the agent is lost,
 * its requesters are notified. An item is written before the request is posted, and deleted by the answer.
 */

import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { openRequestKey, openRequestsAddress } from "../../core/subscription-keys";
import { queryAt } from "./subscription-reader";

export interface OpenRequest {
  organizationId: string;
  /** Who was asked. */
  agentId: string;
  instanceId: string;
  /** The agent's last heartbeat when it was chosen: it was online then. Epoch milliseconds. */
  lastHeartbeatAt: number;
  /** The subject of the answer, which names who waits. */
  replyTo: string;
  /** Which attempt it is. */
  attempt?: number | undefined;
  /** Epoch milliseconds. The requester waits until then. */
  expiresAt: number;
}

/** What is known of a request that its agent has not answered. */
export type Noted = Pick<OpenRequest, "instanceId" | "lastHeartbeatAt" | "replyTo" | "attempt">;

/** What identifies a request to a process. */
type RequestKey = Pick<OpenRequest, "organizationId" | "agentId" | "instanceId" | "replyTo">;

export type Removal = "removed" | "absent" | "unknown";

/** Every method rejects with the client's error if DynamoDB fails. */
export class OpenRequests {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
  ) {}

  async add(request: OpenRequest): Promise<void> {
    const { organizationId, agentId, replyTo, expiresAt, ...noted } = request;
    // Whole seconds, of which none is cut off.
    const ttlEpochSeconds = Math.ceil(expiresAt / 1000) + 1;
    const Item = {
      ...openRequestKey(organizationId, agentId, replyTo),
      ...marshall({ ...noted, ttlEpochSeconds }, { removeUndefinedValues: true }),
    };
    await this.client.send(new PutItemCommand({ TableName: this.tableName, Item }));
  }

  /**
   * Takes a request away. It stays if a newer process of the agent has been asked the same meanwhile.
   *
   * @returns whether this call did: `unknown` if it was made again, because the answer of the first one was lost
   */
  async remove({ organizationId, agentId, instanceId, replyTo }: RequestKey): Promise<Removal> {
    const command = new DeleteItemCommand({
      TableName: this.tableName,
      Key: openRequestKey(organizationId, agentId, replyTo),
      // A missing note is no failure: requests to several agents have none.
      ConditionExpression: "attribute_not_exists(instanceId) OR instanceId = :instanceId",
      ExpressionAttributeValues: { ":instanceId": { S: instanceId } },
      ReturnValues: "ALL_OLD",
    });
    const { Attributes, $metadata } = await this.client.send(command).catch((error) => {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return { Attributes: undefined, $metadata: error.$metadata };
    });
    if (Attributes) return "removed";
    return Number($metadata.attempts) > 1 ? "unknown" : "absent";
  }

  /**
   * What an agent has not answered, some of it if that is very much.
   *
   * @param now epoch milliseconds
   */
  async of(organizationId: string, agentId: string, now: number, most: number): Promise<Noted[]> {
    const address = openRequestsAddress(organizationId, agentId);
    const { Items = [] } = await this.client.send(
      new QueryCommand({ ...queryAt(this.tableName, address, now), Limit: most }),
    );
    return Items.map((item) => {
      const { subscriber: replyTo, instanceId, lastHeartbeatAt, attempt } = unmarshall(item);
      return { replyTo, instanceId, lastHeartbeatAt, attempt };
    });
  }
}
