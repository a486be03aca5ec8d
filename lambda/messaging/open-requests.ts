/**
 * Requests that one agent has been asked alone and has not answered, in the Subscriptions table: if the agent is lost,
 * those who wait are told. An item is written before the request is posted, and deleted by the answer.
 */

import {
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { openRequestKey, openRequestsAddress } from "../../core/subscription-keys";
import { deleteItems } from "./delete-items";
import { queryAt } from "./subscription-reader";

export interface OpenRequest {
  organizationId: string;
  /** Who was asked. */
  agentId: string;
  instanceId: string;
  /** The subject of the answer, which names who waits. */
  replyTo: string;
  /** Epoch milliseconds: nobody waits from then on. */
  expiresAt: number;
}

/** What tells a request from others. */
type RequestKey = Pick<OpenRequest, "organizationId" | "agentId" | "replyTo">;

/** Every method rejects with the client's error if DynamoDB fails. */
export class OpenRequests {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
  ) {}

  async add(request: OpenRequest): Promise<void> {
    const { organizationId, agentId, instanceId, replyTo, expiresAt } = request;
    // Whole seconds, of which none is cut off.
    const ttlEpochSeconds = Math.ceil(expiresAt / 1000) + 1;
    const Item = {
      ...openRequestKey(organizationId, agentId, replyTo),
      ...marshall({ instanceId, ttlEpochSeconds }),
    };
    await this.client.send(new PutItemCommand({ TableName: this.tableName, Item }));
  }

  /** Takes a request away, if it is there. */
  async remove({ organizationId, agentId, replyTo }: RequestKey): Promise<void> {
    const Key = openRequestKey(organizationId, agentId, replyTo);
    await this.client.send(new DeleteItemCommand({ TableName: this.tableName, Key }));
  }

  /**
   * What an agent has not answered, some of it if that is very much.
   *
   * @param now epoch milliseconds
   */
  async of(
    organizationId: string,
    agentId: string,
    now: number,
    most: number,
  ): Promise<Pick<OpenRequest, "instanceId" | "replyTo">[]> {
    const address = openRequestsAddress(organizationId, agentId);
    const { Items = [] } = await this.client.send(
      new QueryCommand({ ...queryAt(this.tableName, address, now), Limit: most }),
    );
    return Items.map((item) => {
      const { subscriber, instanceId } = unmarshall(item);
      return { replyTo: subscriber, instanceId };
    });
  }

  /** Takes requests away. */
  async removeAll(organizationId: string, agentId: string, replyTo: string[]): Promise<void> {
    const keys = replyTo.map((each) => openRequestKey(organizationId, agentId, each));
    await deleteItems(this.client, this.tableName, keys);
  }
}
