/** How many agents are online: counted by the sweep, for whoever can't afford to count. */

import { type DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";

/** Agents of all organizations that were online by their derived status. */
export interface FleetCount {
  online: number;
  /** When the sweep had counted the whole table. */
  countedAt: number;
}

/** Partition of the registry table that is the sweep's: `#` is not allowed in an organization's id. */
export const SWEEP_PARTITION = "#sweep";

const KEY = { organizationId: { S: SWEEP_PARTITION }, recordId: { S: "fleet" } };

/** Every method rejects with the client's error if DynamoDB fails. */
export class FleetCountStore {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly registryTableName: string,
  ) {}

  /** The last count, or undefined before the first sweep. */
  async get(): Promise<FleetCount | undefined> {
    const { Item } = await this.client.send(
      new GetItemCommand({ TableName: this.registryTableName, Key: KEY }),
    );
    return Item && { online: Number(Item.online?.N), countedAt: Number(Item.countedAt?.N) };
  }

  async put({ online, countedAt }: FleetCount): Promise<void> {
    await this.client.send(
      new PutItemCommand({
        TableName: this.registryTableName,
        Item: { ...KEY, online: { N: String(online) }, countedAt: { N: String(countedAt) } },
      }),
    );
  }
}
