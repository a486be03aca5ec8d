/** Stores the number of agents online, as counted by the sweep, for functions that can't count them. */

import { type DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { LIMITS } from "../../core/limits";
import { SWEEP_PARTITION } from "../../core/registry-record";

/** Agents of all organizations that were online by their derived status. */
export interface FleetCount {
  online: number;
  /** When the whole table had been counted. */
  countedAt: number;
  /** The recent maximum: agents that were cut off are not online, but will reconnect. */
  peak: number;
  peakAt: number;
}

/** How long a peak is remembered: as long as a connection can last. */
const PEAK_MS = LIMITS.connectionDurationMs;

const KEY = { organizationId: SWEEP_PARTITION, recordId: "fleet" };

/** Every method rejects with the client's error if DynamoDB fails. */
export class FleetCountStore {
  constructor(
    private readonly client: DynamoDBClient,
    private readonly registryTableName: string,
  ) {}

  /** The last count, or undefined before the first sweep. */
  async get(): Promise<FleetCount | undefined> {
    const { Item } = await this.client.send(
      new GetItemCommand({ TableName: this.registryTableName, Key: marshall(KEY) }),
    );
    if (!Item) return undefined;
    const { online, countedAt, peak, peakAt } = unmarshall(Item) as FleetCount;
    return { online, countedAt, peak, peakAt };
  }

  /**
   * Stores a count. Of two overlapping sweeps, the later one may overwrite the other's peak.
   *
   * @returns the last count, or undefined at the first sweep
   */
  async put({
    online,
    countedAt,
  }: Pick<FleetCount, "online" | "countedAt">): Promise<FleetCount | undefined> {
    const last = await this.get();
    const holds = last && last.peak > online && last.peakAt > countedAt - PEAK_MS;
    const { peak, peakAt } = holds ? last : { peak: online, peakAt: countedAt };
    const Item = marshall({ ...KEY, online, countedAt, peak, peakAt });
    await this.client.send(new PutItemCommand({ TableName: this.registryTableName, Item }));
    return last;
  }
}
