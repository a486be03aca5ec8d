/** The deployment under test: a WebSocket URL and table names, wherever they are. */

import { readFileSync } from "node:fs";
import { AgentRegistry } from "@agent-heartbeat/sdk/registry";
import { StatusReader } from "@agent-heartbeat/sdk/status";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";

/** What answers heartbeats in a deployment: see `lib/props.ts`. */
export type Mode = "lambda" | "direct";

/**
 * By what answers heartbeats, the variable that names a deployment's file, in the form of
 * `.local/outputs.json`. With none of them the suite starts local runtimes.
 */
const TARGET_VARIABLES: Readonly<Record<Mode, string>> = {
  lambda: "AGENT_HEARTBEAT_TARGET",
  direct: "AGENT_HEARTBEAT_DIRECT_TARGET",
};

/** The variables that tell the suite of deployments, by what answers heartbeats. */
export const targetVariables = (files: ReadonlyMap<Mode, string>): Record<string, string> =>
  Object.fromEntries([...files].map(([mode, file]) => [TARGET_VARIABLES[mode], file]));

/** The modes in which there is a deployment to test. */
export const modes = (): Mode[] =>
  (["lambda", "direct"] as const).filter((mode) => process.env[TARGET_VARIABLES[mode]]);

/** What the suite's set-up has synthesized; undefined where a deployment is tested, which can't be told the time. */
export const sharedAssembly = (): string | undefined => process.env.AGENT_HEARTBEAT_ASSEMBLY;

interface Outputs {
  webSocketUrl: string;
  statusTableName: string;
  registryTableName: string;
  region: string;
  /** Absent for DynamoDB itself, read with the caller's credentials. */
  dynamoDbEndpoint?: string;
}

export interface Target {
  url: string;
  client: DynamoDBClient;
  registry: AgentRegistry;
  statuses: StatusReader;
  statusTableName: string;
  registryTableName: string;
  close(): void;
}

export function openTarget(mode: Mode = "lambda"): Target {
  const file = process.env[TARGET_VARIABLES[mode]];
  if (!file) throw new Error(`${TARGET_VARIABLES[mode]} is not set: did the global set-up run?`);
  return targetOf(JSON.parse(readFileSync(file, "utf8")) as Outputs);
}

/** The deployment that has these outputs. */
export function targetOf(outputs: Outputs): Target {
  const { webSocketUrl, statusTableName, registryTableName, region, dynamoDbEndpoint } = outputs;
  const client = new DynamoDBClient({
    region,
    ...(dynamoDbEndpoint && {
      endpoint: dynamoDbEndpoint,
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    }),
  });
  return {
    url: webSocketUrl,
    client,
    registry: new AgentRegistry({ client, registryTableName, statusTableName }),
    statuses: new StatusReader({ client, tableName: statusTableName, consistent: true }),
    statusTableName,
    registryTableName,
    close: () => client.destroy(),
  };
}
