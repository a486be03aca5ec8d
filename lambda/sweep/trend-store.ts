/** Stores how many agents of each organization a sweep found online, so that readers can show a day. */

import { type DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import pLimit from "p-limit";
import type { OnlineCount } from "../../core/presence";
import { sweepMark, TREND_INTERVAL_MS, trendUpdate } from "../../core/trend-record";

/** Organizations whose counts a sweep stores: a write unit for each. Beyond it, those with the most agents. */
const MAX_ORGANIZATIONS = 1000;

const CONCURRENCY = 64;

/** Whether a sweep stores its counts: the first one in each interval, so that the cost does not depend on how many there are. */
export const isTrendDue = (lastSweepAt: number | undefined, at: number): boolean =>
  lastSweepAt === undefined ||
  Math.floor(lastSweepAt / TREND_INTERVAL_MS) !== Math.floor(at / TREND_INTERVAL_MS);

export interface TrendStoreOptions {
  client: DynamoDBClient;
  registryTableName: string;
  /** @default 1000 */
  maxOrganizations?: number;
}

/** Every method rejects with the client's error if DynamoDB fails. */
export class TrendStore {
  readonly #client: DynamoDBClient;
  readonly #tableName: string;
  readonly #max: number;

  constructor({ client, registryTableName, maxOrganizations }: TrendStoreOptions) {
    this.#client = client;
    this.#tableName = registryTableName;
    this.#max = maxOrganizations ?? MAX_ORGANIZATIONS;
  }

  /** Stores the counts of a sweep that read the whole table at `at`, in epoch milliseconds. */
  async put(counts: ReadonlyMap<string, Omit<OnlineCount, "at">>, at: number): Promise<void> {
    const largest = [...counts]
      .filter(([, { online }]) => online > 0)
      .sort(([, one], [, other]) => other.online - one.online);
    const stored = largest.slice(0, this.#max);
    await pLimit(CONCURRENCY).map(stored, ([organizationId, count]) =>
      this.#client.send(
        new UpdateItemCommand(trendUpdate(this.#tableName, organizationId, { at, ...count })),
      ),
    );
    // Last: after a mark, an organization without counts had no agent online.
    const complete = stored.length === largest.length;
    await this.#client.send(new UpdateItemCommand(sweepMark(this.#tableName, at, complete)));
  }
}
