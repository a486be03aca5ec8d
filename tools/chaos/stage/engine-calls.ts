/** Calls the database engine directly, without the proxy and without any client of the code under test. */

import { openWire } from "../../../local/aws/engine/wire";
import type { Look, StoredChange, StoredRow } from "../evidence";

type Item = Record<string, { S?: string; N?: string }>;

/** @param endpoint returns the engine's current endpoint, which a restart changes */
export class EngineCalls {
  constructor(private readonly endpoint: () => string) {}

  /** Reads a whole table. */
  async scan(TableName: string): Promise<Item[]> {
    const items: Item[] = [];
    let ExclusiveStartKey: unknown;
    do {
      const input = {
        TableName,
        ConsistentRead: true,
        ...(ExclusiveStartKey !== undefined && { ExclusiveStartKey }),
      };
      const page = await this.#call<{ Items: Item[]; LastEvaluatedKey?: unknown }>(
        "DynamoDB_20120810.Scan",
        input,
      );
      items.push(...page.Items);
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined);
    return items;
  }

  /** Reads the rows of an organization. Rows that only record a lock-out are omitted. */
  async look(statusTableName: string, organizationId: string, now: () => number): Promise<Look> {
    const begunAt = now();
    const items = await this.scan(statusTableName);
    const seen = items.filter((item) => isOf(item, organizationId) && item.status !== undefined);
    const rows = new Map(seen.map((item) => [text(item, "agentId"), rowOf(item)]));
    return { begunAt, endedAt: now(), rows };
  }

  async tableNamed(part: string): Promise<string> {
    const { TableNames } = await this.#call<{ TableNames: string[] }>(
      "DynamoDB_20120810.ListTables",
      {},
    );
    const found = TableNames.filter((name) => name.includes(part));
    if (found[0] !== undefined && found.length === 1) return found[0];
    throw new Error(`expected one table named ${part}, got ${TableNames.join(", ")}`);
  }

  /** Every change of a stored status since the table was created, in order for each row. */
  async changes(statusTableName: string, organizationId: string): Promise<StoredChange[]> {
    const { Table } = await this.#call<{ Table: { LatestStreamArn: string } }>(
      "DynamoDB_20120810.DescribeTable",
      { TableName: statusTableName },
    );
    const StreamArn = Table.LatestStreamArn;
    const { StreamDescription } = await this.#call<{
      StreamDescription: { Shards: { ShardId: string }[] };
    }>("DynamoDBStreams_20120810.DescribeStream", { StreamArn });
    const changes: StoredChange[] = [];
    for (const { ShardId } of StreamDescription.Shards) {
      changes.push(...(await this.#changesIn(StreamArn, ShardId, organizationId)));
    }
    return changes;
  }

  async #changesIn(
    StreamArn: string,
    ShardId: string,
    organizationId: string,
  ): Promise<StoredChange[]> {
    const changes: StoredChange[] = [];
    let { ShardIterator } = await this.#call<{ ShardIterator?: string | null }>(
      "DynamoDBStreams_20120810.GetShardIterator",
      { StreamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" },
    );
    while (ShardIterator) {
      const page: Page = await this.#call("DynamoDBStreams_20120810.GetRecords", {
        ShardIterator,
        Limit: 1000,
      });
      for (const { eventID, dynamodb } of page.Records) {
        const { OldImage, NewImage } = dynamodb;
        const before = OldImage?.status?.S ?? "offline";
        const after = NewImage?.status?.S ?? "offline";
        if (before === after || !isOf(NewImage ?? OldImage ?? {}, organizationId)) continue;
        const agentId = text(NewImage ?? OldImage ?? {}, "agentId");
        changes.push({ id: eventID, agentId, status: after });
      }
      if (page.Records.length === 0) break;
      ShardIterator = page.NextShardIterator;
    }
    return changes;
  }

  async #call<T>(target: string, input: object): Promise<T> {
    const wire = openWire(this.endpoint(), "us-east-1");
    try {
      const { status, body } = await wire.call(target, JSON.stringify(input));
      const answer = JSON.parse(body) as T & { message?: string };
      if (status !== 200) throw new Error(`${target}: ${answer.message}`);
      return answer;
    } finally {
      wire.close();
    }
  }
}

interface Page {
  Records: { eventID: string; dynamodb: { OldImage?: Item; NewImage?: Item } }[];
  NextShardIterator?: string | null;
}

const isOf = (item: Item, organizationId: string) => item.organizationId?.S === organizationId;

function rowOf(item: Item): StoredRow {
  return {
    agentId: text(item, "agentId"),
    status: text(item, "status"),
    leaseExpiresAt: Number(item.leaseExpiresAt?.N),
    connectionId: text(item, "connectionId"),
  };
}

function text(item: Item, name: string): string {
  const value = item[name]?.S;
  if (value === undefined)
    throw new Error(`expected a text as ${name}, got ${JSON.stringify(item)}`);
  return value;
}
