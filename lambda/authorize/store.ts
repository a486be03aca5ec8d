/** The authorizer's access to the AgentRegistry table: agents' records, and the single use of each token. */

import { randomUUID } from "node:crypto";
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import {
  agentFromItem,
  agentRecordId,
  isRemoved,
  nonceRecordId,
  type RegisteredAgent,
} from "../../core/registry-record";

export interface LoginRegistry {
  /** The agent's record, read consistently. */
  find(organizationId: string, agentId: string): Promise<RegisteredAgent | undefined>;
  /**
   * Whether this was the first use of a token.
   *
   * @param usableUntilSeconds when the token is no longer valid, in epoch seconds
   */
  useOnce(
    organizationId: string,
    agentId: string,
    tokenId: string,
    usableUntilSeconds: number,
  ): Promise<boolean>;
}

/** @param newAttemptId identifies one use of a token */
export function dynamoDbLoginRegistry(
  client: DynamoDBClient,
  TableName: string,
  newAttemptId: () => string = randomUUID,
): LoginRegistry {
  return {
    async find(organizationId, agentId) {
      const { Item } = await client.send(
        new GetItemCommand({
          TableName,
          Key: marshall({ organizationId, recordId: agentRecordId(agentId) }),
          // A disabled agent or a removed key must be noticed at once.
          ConsistentRead: true,
        }),
      );
      const agent = Item && agentFromItem(Item);
      return agent && !isRemoved(agent) ? agent : undefined;
    },

    async useOnce(organizationId, agentId, tokenId, usableUntilSeconds) {
      const attemptId = newAttemptId();
      try {
        await client.send(
          new PutItemCommand({
            TableName,
            Item: marshall({
              organizationId,
              recordId: nonceRecordId(agentId, tokenId),
              ttlEpochSeconds: Math.ceil(usableUntilSeconds),
              attemptId,
            }),
            ConditionExpression: "attribute_not_exists(recordId)",
            ReturnValuesOnConditionCheckFailure: "ALL_OLD",
          }),
        );
        return true;
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        // If a response is lost, the AWS client repeats the write: then the stored item is this very use.
        return error.Item?.attemptId?.S === attemptId;
      }
    },
  };
}
