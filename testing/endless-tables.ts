/** A DynamoDB client over tables that never end, and whose conditions fail as often as a test says. Counts what it is asked. */

import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { clientOf } from "./engine";

type Input = Record<string, never> & {
  TableName?: string;
  Limit?: number;
  Key?: Record<string, AttributeValue>;
  ConditionExpression?: string;
  ConsistentRead?: boolean;
  IndexName?: string;
  RequestItems?: Record<string, { Keys?: Record<string, AttributeValue>[] } | object[]>;
};

export interface EndlessTablesOptions {
  /** An item of a key that is read. */
  item(input: Input): Record<string, unknown> | undefined;
  /** One of the items that a query finds. */
  found(input: Input, index: number): Record<string, unknown>;
  /** How many items there are for a query without a limit: as many as the service ever writes there. */
  all(input: Input): number;
  /** What an update has replaced. */
  replaced?: Record<string, unknown>;
  /** The item in the way of a conditional write; undefined lets it succeed. */
  inTheWay(input: Input, write: number): Record<string, unknown> | undefined;
}

export class EndlessTables {
  readonly client: DynamoDBClient = clientOf("http://127.0.0.1:1");
  reads = 0;
  writes = 0;
  #queried = 0;

  constructor(private readonly options: EndlessTablesOptions) {
    this.client.middlewareStack.add((_next, { commandName }) => async (args) => {
      const output = this.#answer(String(commandName), args.input as Input);
      return { output: { $metadata: {}, ...output } as never, response: {} };
    });
  }

  #answer(command: string, input: Input): object {
    const { item, found, all, inTheWay } = this.options;
    if (command === "GetItemCommand") {
      this.reads += 1;
      const Item = item(input);
      return Item ? { Item: plain(Item) } : {};
    }
    if (command === "QueryCommand") {
      const count = input.Limit ?? all(input);
      this.reads += count;
      const Items = Array.from({ length: count }, () => plain(found(input, this.#queried++)));
      const [last] = Items.slice(-1);
      return {
        Items,
        Count: count,
        ScannedCount: count,
        ...(input.Limit && last && { LastEvaluatedKey: last }),
      };
    }
    if (command === "BatchGetItemCommand") {
      const [[table = "", request] = []] = Object.entries(input.RequestItems ?? {});
      const { Keys = [] } = request as { Keys?: Record<string, AttributeValue>[] };
      this.reads += Keys.length;
      return {
        Responses: { [table]: Keys.map((Key) => ({ ...Key, ...plain(found(Key as never, 0)) })) },
      };
    }
    if (command === "BatchWriteItemCommand") {
      this.writes += Object.values(input.RequestItems ?? {}).flat().length;
      return {};
    }
    this.writes += 1;
    const row = input.ConditionExpression && inTheWay(input, this.writes);
    if (!row) return { Attributes: { used: { N: "1" }, ...plain(this.options.replaced ?? {}) } };
    throw new ConditionalCheckFailedException({ message: "", $metadata: {}, Item: plain(row) });
  }
}

const plain = (item: Record<string, unknown>) => marshall(item, { removeUndefinedValues: true });
