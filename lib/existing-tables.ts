/** Existing tables passed in by an app: what the service requires of each, and the checks. */

import { Stack, Token } from "aws-cdk-lib";
import { CfnTable, type ITable, StreamViewType } from "aws-cdk-lib/aws-dynamodb";
import { SUBSCRIPTIONS_BY_CONNECTION, SUBSCRIPTIONS_BY_OWNER } from "../core/names";

/** Existing tables, for example after a restore. */
export interface ExistingTables {
  /**
   * One row per agent: keys `organizationId` and `agentId`, TTL on `ttlEpochSeconds`, and a stream of new and old
   * images. Import it with `Table.fromTableAttributes` and its `tableStreamArn`.
   *
   * @default - the construct creates a table
   */
  readonly status?: ITable | undefined;

  /**
   * Agents with their public keys: keys `organizationId` and `recordId`, TTL on `ttlEpochSeconds`.
   *
   * @default - the construct creates a table
   */
  readonly registry?: ITable | undefined;

  /**
   * Subscriptions: keys `address` and `subscriber`, TTL on `ttlEpochSeconds`, and indexes that project keys only:
   * `byConnection` with the key `connectionId`, and `byOwner` with the key `owner`.
   *
   * @default - the construct creates a table
   */
  readonly subscriptions?: ITable | undefined;
}

/** Partition key and sort key of each table; all are strings. */
export const TABLE_KEYS = {
  status: ["organizationId", "agentId"],
  registry: ["organizationId", "recordId"],
  subscriptions: ["address", "subscriber"],
} as const;

/** The indexes of the subscriptions, and the attribute that each is by. */
export const SUBSCRIPTION_INDEXES = {
  [SUBSCRIPTIONS_BY_CONNECTION]: "connectionId",
  [SUBSCRIPTIONS_BY_OWNER]: "owner",
} as const;

/** In epoch seconds, as DynamoDB requires. */
export const TTL_ATTRIBUTE = "ttlEpochSeconds";

/**
 * Checks a table: if the same app defines it, its keys, TTL, stream and index; if it is imported, only the stream is known.
 *
 * @throws Error naming the prop, the expected and the actual value
 */
export function expectTable(name: keyof ExistingTables, table: ITable): ITable {
  const prop = `tables.${name}`;
  if (name === "status" && table.tableStreamArn === undefined) {
    throw new Error(
      `${prop}: expected a table with a stream, got one without tableStreamArn: import it with Table.fromTableAttributes`,
    );
  }
  const { defaultChild } = table.node;
  if (defaultChild instanceof CfnTable) expectResource(name, prop, defaultChild);
  return table;
}

function expectResource(name: keyof ExistingTables, prop: string, table: CfnTable): void {
  const expect = (what: string, expected: string, found: unknown) => {
    if (Token.isUnresolved(found) || found === expected) return;
    throw new Error(`${prop}: expected ${what} ${expected}, got ${found ?? "none"}`);
  };
  const schema = table.keySchema as CfnTable.KeySchemaProperty[];
  const keyOf = (type: string) => schema.find(({ keyType }) => keyType === type)?.attributeName;
  const [partition, sort] = TABLE_KEYS[name];
  expect("the partition key", partition, keyOf("HASH"));
  expect("the sort key", sort, keyOf("RANGE"));
  const ttl = table.timeToLiveSpecification as CfnTable.TimeToLiveSpecificationProperty | undefined;
  expect("a TTL on", TTL_ATTRIBUTE, ttl?.attributeName);
  if (name === "status") {
    const stream = table.streamSpecification as CfnTable.StreamSpecificationProperty | undefined;
    expect("a stream of", StreamViewType.NEW_AND_OLD_IMAGES, stream?.streamViewType);
  }
  if (name === "subscriptions") {
    // A lazy value in the construct.
    const indexes = Stack.of(table).resolve(table.globalSecondaryIndexes) as
      | CfnTable.GlobalSecondaryIndexProperty[]
      | undefined;
    for (const name of Object.keys(SUBSCRIPTION_INDEXES)) {
      const found = indexes?.find(({ indexName }) => indexName === name);
      expect("an index", name, found?.indexName);
    }
  }
}
