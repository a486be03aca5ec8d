/** Starts a real DynamoDB engine with the tables, so that tests run against what is deployed, not a fake. */

import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DynamoDBClient,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { SUBSCRIPTIONS_BY_CONNECTION } from "../../lambda/names";
import { startDynoxide } from "../../local/engine/dynoxide";

/** A running engine with empty tables. */
export interface Engine {
  client: DynamoDBClient;
  endpoint: string;
  region: string;
  statusTableName: string;
  registryTableName: string;
  subscriptionsTableName: string;
  /** Ends the engine's process; its data was in memory. */
  stop(): Promise<void>;
}

const REGION = "us-east-1";
const STATUS_TABLE = "AgentStatus";
const REGISTRY_TABLE = "AgentRegistry";
const SUBSCRIPTIONS_TABLE = "Subscriptions";

/**
 * Starts an engine on a free port and creates the tables with their TTL, the status one with its stream.
 *
 * @throws Error if there is no engine for this platform, or it cannot be started
 */
export async function startEngine(): Promise<Engine> {
  const { endpoint, stop } = await startDynoxide();
  const client = clientOf(endpoint);
  try {
    await createTables(client);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    client,
    endpoint,
    region: REGION,
    statusTableName: STATUS_TABLE,
    registryTableName: REGISTRY_TABLE,
    subscriptionsTableName: SUBSCRIPTIONS_TABLE,
    stop: async () => {
      client.destroy();
      await stop();
    },
  };
}

/** A further client of a running engine, for tests that need one with settings or middleware of its own. */
export function clientOf(endpoint: string): DynamoDBClient {
  return new DynamoDBClient({
    endpoint,
    region: REGION,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
}

async function createTables(client: DynamoDBClient): Promise<void> {
  await createTable(client, STATUS_TABLE, ["organizationId", "agentId"], {
    StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
  });
  await createTable(client, REGISTRY_TABLE, ["organizationId", "recordId"]);
  await createTable(client, SUBSCRIPTIONS_TABLE, ["address", "subscriber"], {
    GlobalSecondaryIndexes: [
      {
        IndexName: SUBSCRIPTIONS_BY_CONNECTION,
        KeySchema: [{ AttributeName: "connectionId", KeyType: "HASH" }],
        Projection: { ProjectionType: "KEYS_ONLY" },
      },
    ],
  });
}

async function createTable(
  client: DynamoDBClient,
  TableName: string,
  [partitionKey, sortKey]: [string, string],
  extras: Partial<CreateTableCommandInput> = {},
): Promise<void> {
  const indexKeys = (extras.GlobalSecondaryIndexes ?? []).flatMap(({ KeySchema = [] }) =>
    KeySchema.flatMap(({ AttributeName }) => AttributeName ?? []),
  );
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [partitionKey, sortKey, ...indexKeys].map((AttributeName) => ({
        AttributeName,
        AttributeType: "S",
      })),
      KeySchema: [
        { AttributeName: partitionKey, KeyType: "HASH" },
        { AttributeName: sortKey, KeyType: "RANGE" },
      ],
      ...extras,
    }),
  );
  await client.send(
    new UpdateTimeToLiveCommand({
      TableName,
      TimeToLiveSpecification: { AttributeName: "ttlEpochSeconds", Enabled: true },
    }),
  );
}
