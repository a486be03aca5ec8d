/** Profiles: kept in the agents' records of the registry, for they are too large for the hot table. */

import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { Profile } from "../../core/protocol";
import { agentRecordId, profileValue } from "../../core/registry-record";
import type { Identity } from "../shared/identity";

/** The registration is the one that the agent has logged in by: a record without keys is what is left of one. */
const registered =
  "attribute_exists(publicKeys) AND NOT createdAt > :fencingToken AND NOT revokedAt > :fencingToken";

/** Every method rejects with the client's error if DynamoDB fails. */
export class ProfileStore {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly tableName: string,
  ) {}

  /** Replaces an agent's profile. Nothing is stored of an agent that was locked out or removed since it logged in. */
  async put(
    {
      organizationId,
      agentId,
      fencingToken,
    }: Pick<Identity, "organizationId" | "agentId" | "fencingToken">,
    profile: Profile,
  ): Promise<void> {
    try {
      await this.client.send(
        new UpdateItemCommand({
          TableName: this.tableName,
          Key: { organizationId: { S: organizationId }, recordId: { S: agentRecordId(agentId) } },
          UpdateExpression: "SET profile = :profile",
          ConditionExpression: registered,
          ExpressionAttributeValues: {
            ":profile": profileValue(profile),
            ":fencingToken": { N: String(fencingToken) },
          },
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }
}
