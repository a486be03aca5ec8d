/** Starts a real DynamoDB engine with the service's tables. */

import { randomBytes } from "node:crypto";
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteTableCommand,
  DynamoDBClient,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { SUBSCRIPTIONS_BY_CONNECTION, SUBSCRIPTIONS_BY_OWNER } from "../core/names";
import { startDynoxide } from "../local/aws/engine/dynoxide";

/** A running engine with empty tables. */
export interface Engine {
  client: DynamoDBClient;
  endpoint: string;
  region: string;
  statusTableName: string;
  registryTableName: string;
  subscriptionsTableName: string;
  /** Ends the engine's process. For another engine, deletes the tables. */
  stop(): Promise<void>;
}

const REGION = "us-east-1";

/** The endpoint of another DynamoDB engine, which the tests then share, each with its own tables. */
const ENDPOINT_VARIABLE = "DYNAMODB_ENDPOINT";

type TableNames = Pick<Engine, "statusTableName" | "registryTableName" | "subscriptionsTableName">;

/**
 * Starts the embedded engine on a free port, unless DYNAMODB_ENDPOINT names another one, and creates the tables. Only in the
 * embedded engine do they have a TTL.
 *
 * @param stream whether the status table has its stream. The engine slows down with every record, so tests with very many
 *   writes do without
 * @throws Error if there is no engine for this platform, or it cannot be started
 */
export async function startEngine({ stream = true } = {}): Promise<Engine> {
  const shared = process.env[ENDPOINT_VARIABLE];
  const { endpoint, stop } = shared
    ? { endpoint: shared, stop: async () => {} }
    : await startDynoxide();
  const client = clientOf(endpoint);
  const names = tableNames(shared ? `-${randomBytes(6).toString("hex")}` : "");
  try {
    await createTables(client, names, { expire: !shared, stream });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    client,
    endpoint,
    region: REGION,
    ...names,
    stop: async () => {
      if (shared) await deleteTables(client, names);
      client.destroy();
      await stop();
    },
  };
}

function tableNames(suffix: string): TableNames {
  return {
    statusTableName: `AgentStatus${suffix}`,
    registryTableName: `AgentRegistry${suffix}`,
    subscriptionsTableName: `Subscriptions${suffix}`,
  };
}

async function deleteTables(client: DynamoDBClient, names: TableNames): Promise<void> {
  for (const TableName of Object.values(names)) {
    await client.send(new DeleteTableCommand({ TableName }));
  }
}

/** A further client of a running engine, for tests that need their own settings or middleware. */
export function clientOf(endpoint: string): DynamoDBClient {
  return new DynamoDBClient({
    endpoint,
    region: REGION,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
}

/** @param options `expire`: whether to enable the TTL. Rows of tests are from 1970, and some engines delete expired rows at once */
async function createTables(
  client: DynamoDBClient,
  names: TableNames,
  { expire, stream }: { expire: boolean; stream: boolean },
): Promise<void> {
  await createTable(client, names.statusTableName, ["organizationId", "agentId"], {
    ...(stream && {
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    }),
  });
  await createTable(client, names.registryTableName, ["organizationId", "recordId"]);
  await createTable(client, names.subscriptionsTableName, ["address", "subscriber"], {
    GlobalSecondaryIndexes: [
      [SUBSCRIPTIONS_BY_CONNECTION, "connectionId"],
      [SUBSCRIPTIONS_BY_OWNER, "owner"],
    ].map(([IndexName, AttributeName]) => ({
      IndexName,
      KeySchema: [{ AttributeName, KeyType: "HASH" }],
      Projection: { ProjectionType: "KEYS_ONLY" },
    })),
  });
  for (const TableName of expire ? Object.values(names) : []) {
    await client.send(
      new UpdateTimeToLiveCommand({
        TableName,
        TimeToLiveSpecification: { AttributeName: "ttlEpochSeconds", Enabled: true },
      }),
    );
  }
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
}
