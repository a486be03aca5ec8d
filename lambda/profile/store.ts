/** Profiles: kept in the agents' records of the registry, for they are too large for the hot table. */

import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { Profile } from "../../core/protocol";
import { agentRecordId, profileValue } from "../../core/registry-record";

/** Every method rejects with the client's error if DynamoDB fails. */
export class ProfileStore {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
  ) {}

  /** Replaces an agent's profile. An agent that was removed meanwhile gets none. */
  async put(organizationId: string, agentId: string, profile: Profile): Promise<void> {
    try {
      await this.client.send(
        new UpdateItemCommand({
          TableName: this.tableName,
          Key: { organizationId: { S: organizationId }, recordId: { S: agentRecordId(agentId) } },
          UpdateExpression: "SET profile = :profile",
          ConditionExpression: "attribute_exists(recordId)",
          ExpressionAttributeValues: { ":profile": profileValue(profile) },
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }
}
