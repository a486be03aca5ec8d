/** DynamoDB in memory: a table of rows that takes the store's own commands, and keeps its stream. */

import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import {
  type Condition,
  holds,
  type Item,
  type Names,
  parseCondition,
  parseUpdate,
  type Update,
  updated,
} from "./expressions";

/** A change as the table's stream tells it. */
export interface StreamRecord {
  eventID: string;
  dynamodb: { SequenceNumber: string; OldImage?: Item; NewImage?: Item };
}

/** A command that has arrived, and the row as it is. */
export interface WriteSeen {
  condition: string;
  update: string;
  key: Item;
  row: Item | undefined;
  names: Names;
}

/** Breaks the writes on purpose, to see whether that is found. */
export interface Mutation {
  /** Sees each write before it is carried out. */
  observe?(write: WriteSeen): void;
  condition?(condition: Condition, text: string): Condition;
  update?(update: Update, text: string): Update;
}

const conditions = new Map<string, Condition>();
const updates = new Map<string, Update>();

/** `repeated`: the answer was lost, and the AWS client sends the command again. */
export type Fate = "answered" | "repeated" | "fails";

export class InMemoryTable {
  readonly stream: StreamRecord[] = [];
  readonly #rows = new Map<string, Item>();
  #changes = 0;

  constructor(private readonly mutation: Mutation = {}) {}

  /**
   * A client that speaks to this table, whatever table its commands name.
   *
   * @param arrive resolves when a command is to reach the table, and says what becomes of it
   */
  client(arrive: () => Promise<Fate> = async () => "answered"): DynamoDBClient {
    const send = async (command: { middlewareStack: object }) => {
      for (;;) {
        const fate = await arrive();
        if (fate === "fails") throw new Error("the table can't be reached");
        try {
          const answer = this.#send(command);
          if (fate === "answered") return answer;
        } catch (error) {
          if (fate === "answered") throw error;
        }
      }
    };
    return { send } as unknown as DynamoDBClient;
  }

  /** The only row, in DynamoDB's form. */
  get row(): Item | undefined {
    return this.#rows.values().next().value;
  }

  /** Deletes rows whose retention is over, as the TTL does. */
  purge(now: number): void {
    for (const [key, row] of this.#rows) {
      if (Number(row.ttlEpochSeconds?.N) * 1000 <= now) this.#store(key, row, undefined);
    }
  }

  #send(command: unknown): object {
    if (command instanceof GetItemCommand) {
      const Item = this.#rows.get(keyOf(command.input.Key));
      return Item ? { Item: { ...Item } } : {};
    }
    if (!(command instanceof UpdateItemCommand)) throw new Error(`can't do ${String(command)}`);
    const { Key = {}, ConditionExpression = "", UpdateExpression = "" } = command.input;
    const names: Names = {
      names: command.input.ExpressionAttributeNames,
      values: command.input.ExpressionAttributeValues,
    };
    const key = keyOf(Key);
    const row = this.#rows.get(key);
    this.mutation.observe?.({
      condition: ConditionExpression,
      update: UpdateExpression,
      key: Key,
      row,
      names,
    });
    const condition = cached(conditions, ConditionExpression, parseCondition);
    const { condition: mutate = (same: Condition) => same } = this.mutation;
    if (!holds(mutate(condition, ConditionExpression), row, names)) {
      throw new ConditionalCheckFailedException({
        message: "The conditional request failed",
        $metadata: {},
        ...(row && { Item: row }),
      });
    }
    const update = cached(updates, UpdateExpression, parseUpdate);
    const { update: change = (same: Update) => same } = this.mutation;
    this.#store(key, row, updated(change(update, UpdateExpression), row ?? { ...Key }, names));
    return {};
  }

  #store(key: string, before: Item | undefined, after: Item | undefined): void {
    if (after) this.#rows.set(key, after);
    else this.#rows.delete(key);
    this.#changes += 1;
    const number = String(this.#changes);
    this.stream.push({
      eventID: `event-${number}`,
      dynamodb: {
        SequenceNumber: number,
        ...(before && { OldImage: before }),
        ...(after && { NewImage: after }),
      },
    });
  }
}

const keyOf = (key: Record<string, AttributeValue> = {}) =>
  `${key.organizationId?.S}/${key.agentId?.S}`;

function cached<T>(cache: Map<string, T>, text: string, parse: (text: string) => T): T {
  const found = cache.get(text) ?? parse(text);
  cache.set(text, found);
  return found;
}
