/** What the authorizer needs of the AgentRegistry table: an agent's record, and each token's one use. */

import { randomUUID } from "node:crypto";
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import {
  agentFromItem,
  agentRecordId,
  isRemoved,
  nonceRecordId,
  type RegisteredAgent,
} from "../../core/registry-record";

export interface LoginRegistry {
  /** The agent's record, as of its last change. */
  find(organizationId: string, agentId: string): Promise<RegisteredAgent | undefined>;
  /**
   * Whether this was the first use of a token.
   *
   * @param usableUntilSeconds when the token can't be valid any more, in epoch seconds
   */
  useOnce(
    organizationId: string,
    agentId: string,
    tokenId: string,
    usableUntilSeconds: number,
  ): Promise<boolean>;
}

/** @param newAttemptId tells one use of a token from another */
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
          Key: {
            organizationId: { S: organizationId },
            recordId: { S: agentRecordId(agentId) },
          },
          // A disabled agent or a retired key must count from now on.
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
            Item: {
              organizationId: { S: organizationId },
              recordId: { S: nonceRecordId(agentId, tokenId) },
              ttlEpochSeconds: { N: String(Math.ceil(usableUntilSeconds)) },
              attemptId: { S: attemptId },
            },
            ConditionExpression: "attribute_not_exists(recordId)",
            ReturnValuesOnConditionCheckFailure: "ALL_OLD",
          }),
        );
        return true;
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        // The client writes again where an answer was lost: what stands in the way may be this very use.
        return error.Item?.attemptId?.S === attemptId;
      }
    },
  };
}
