/** How many agents are online: counted by the sweep, for whoever can't afford to count. */

import { type DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { LIMITS } from "../../core/protocol";
import { SWEEP_PARTITION } from "../../core/registry-record";

/** Agents of all organizations that were online by their derived status. */
export interface FleetCount {
  online: number;
  /** When the sweep had counted the whole table. */
  countedAt: number;
  /** The most that were online lately: who is cut off is not, but is to come back. */
  peak: number;
  peakAt: number;
}

/** How long a peak is remembered: as long as a connection lasts that was made by it. */
const PEAK_MS = LIMITS.connectionDurationMs;

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
    if (!Item) return undefined;
    const read = (name: keyof FleetCount) => Number(Item[name]?.N);
    return {
      online: read("online"),
      countedAt: read("countedAt"),
      peak: read("peak"),
      peakAt: read("peakAt"),
    };
  }

  /** Stores a count. Two sweeps at once may lose a peak of one another's. */
  async put({ online, countedAt }: Pick<FleetCount, "online" | "countedAt">): Promise<void> {
    const last = await this.get();
    const holds = last && last.peak > online && last.peakAt > countedAt - PEAK_MS;
    const { peak, peakAt } = holds ? last : { peak: online, peakAt: countedAt };
    const count = Object.entries({ online, countedAt, peak, peakAt });
    await this.client.send(
      new PutItemCommand({
        TableName: this.registryTableName,
        Item: {
          ...KEY,
          ...Object.fromEntries(count.map(([name, value]) => [name, { N: String(value) }])),
        },
      }),
    );
  }
}
