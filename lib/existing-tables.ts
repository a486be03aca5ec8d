/** Tables that an app brings along: what the service needs of each, and what can be checked of it. */

import { Stack, Token } from "aws-cdk-lib";
import { CfnTable, type ITable, StreamViewType } from "aws-cdk-lib/aws-dynamodb";
import { SUBSCRIPTIONS_BY_CONNECTION } from "../core/names";

/** Tables that are there already, as after a restore. Each that is left out is made. */
export interface ExistingTables {
  /**
   * One row an agent: keys `organizationId` and `agentId`, TTL on `ttlEpochSeconds`, and a stream of new and old
   * images. Import it by `Table.fromTableAttributes` with its `tableStreamArn`.
   *
   * @default - the construct creates a table
   */
  readonly status?: ITable;

  /**
   * Agents with their public keys: keys `organizationId` and `recordId`, TTL on `ttlEpochSeconds`.
   *
   * @default - the construct creates a table
   */
  readonly registry?: ITable;

  /**
   * Subscriptions: keys `address` and `subscriber`, TTL on `ttlEpochSeconds`, and an index `byConnection` by
   * `connectionId` that projects its keys.
   *
   * @default - the construct creates a table
   */
  readonly subscriptions?: ITable;
}

/** Partition key and sort key of each table; all are texts. */
export const TABLE_KEYS = {
  status: ["organizationId", "agentId"],
  registry: ["organizationId", "recordId"],
  subscriptions: ["address", "subscriber"],
} as const;

/** In seconds since 1970, as DynamoDB wants it. */
export const TTL_ATTRIBUTE = "ttlEpochSeconds";

/**
 * The table, if nothing that is known of it stands against its use: of a table of the same app that is all,
 * of one that is imported it is the stream alone.
 *
 * @throws Error naming the prop, what was expected and what came
 */
export function expectTable(name: keyof ExistingTables, table: ITable): ITable {
  const prop = `tables.${name}`;
  if (name === "status" && table.tableStreamArn === undefined) {
    throw new Error(
      `${prop}: expected a table with a stream, got one without tableStreamArn: import it by Table.fromTableAttributes`,
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
    // Kept as a lazy value by the construct that adds indexes.
    const indexes = Stack.of(table).resolve(table.globalSecondaryIndexes) as
      | CfnTable.GlobalSecondaryIndexProperty[]
      | undefined;
    const found = indexes?.find(({ indexName }) => indexName === SUBSCRIPTIONS_BY_CONNECTION);
    expect("an index", SUBSCRIPTIONS_BY_CONNECTION, found?.indexName);
  }
}
