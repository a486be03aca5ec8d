/** Starts a real DynamoDB engine with the two tables, so that tests run against what is deployed, not a fake. */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DynamoDBClient,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import { SUBSCRIPTIONS_BY_CONNECTION } from "../../lambda/names";

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
const ATTEMPTS = 5;

/**
 * Starts an engine on a free port and creates the tables with their TTL, the status one with its stream.
 *
 * @throws Error if there is no engine for this platform, or it cannot be started
 */
export async function startEngine(): Promise<Engine> {
  const { child, port } = await spawnOnFreePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const client = clientOf(endpoint);
  try {
    await createTables(client);
  } catch (error) {
    child.kill("SIGKILL");
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
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
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

type EngineProcess = ChildProcessByStdio<null, null, Readable>;

/** The port may be taken between finding and using it, by a test that runs beside: then try another. */
async function spawnOnFreePort(): Promise<{ child: EngineProcess; port: number }> {
  let output = "";
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const port = await freePort();
    const child = spawn(binary(), ["serve", "--host", "127.0.0.1", "--port", String(port)], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    // A test run that ends by an error or a signal would leave the engine behind.
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    child.once("exit", () => process.off("exit", kill));
    output = await firstLine(child);
    if (output.includes("listening")) return { child, port };
    child.kill("SIGKILL");
  }
  throw new Error(`The DynamoDB engine did not start in ${ATTEMPTS} attempts: ${output}`);
}

/** What the engine says first: that it listens, or why it does not. */
function firstLine(child: EngineProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    // The pipe is read to its end, for an engine whose pipe is full stands still.
    createInterface({ input: child.stderr }).once("line", resolve).resume();
    child.once("exit", (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`));
    child.once("error", reject);
  });
}

function binary(): string {
  const name = `@dynoxide/${process.platform}-${process.arch}`;
  try {
    return join(dirname(require.resolve(`${name}/package.json`)), "dynoxide");
  } catch (cause) {
    throw new Error(`No DynamoDB engine for this platform: expected the package ${name}`, {
      cause,
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("No free port");
  return address.port;
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
