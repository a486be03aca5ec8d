/** Profiles: kept in the agents' records of the registry, for they are too large for the hot table. */

import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { Profile } from "../../core/presence";
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

  /**
   * Replaces an agent's profile. Nothing is stored of an agent that was locked out or removed since it logged in.
   *
   * @returns the capabilities that it had before; undefined if nothing is stored
   */
  async put(
    {
      organizationId,
      agentId,
      fencingToken,
    }: Pick<Identity, "organizationId" | "agentId" | "fencingToken">,
    profile: Profile,
  ): Promise<string[] | undefined> {
    try {
      const { Attributes } = await this.client.send(
        new UpdateItemCommand({
          TableName: this.tableName,
          Key: keyOf(organizationId, agentId),
          UpdateExpression: "SET profile = :profile",
          ReturnValues: "UPDATED_OLD",
          ConditionExpression: registered,
          ExpressionAttributeValues: {
            ":profile": profileValue(profile),
            ":fencingToken": { N: String(fencingToken) },
          },
        }),
      );
      return capabilitiesIn(Attributes);
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined;
      throw error;
    }
  }

  /** What an agent can do by its stored profile. Sees every profile that was stored before. */
  async capabilities(organizationId: string, agentId: string): Promise<string[]> {
    const { Item } = await this.client.send(
      new GetItemCommand({
        TableName: this.tableName,
        Key: keyOf(organizationId, agentId),
        ProjectionExpression: "profile.capabilities",
        ConsistentRead: true,
      }),
    );
    return capabilitiesIn(Item);
  }
}

const keyOf = (organizationId: string, agentId: string) => ({
  organizationId: { S: organizationId },
  recordId: { S: agentRecordId(agentId) },
});

function capabilitiesIn(item: Record<string, AttributeValue> | undefined): string[] {
  return (item?.profile && unmarshall(item).profile.capabilities) ?? [];
}
