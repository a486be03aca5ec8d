/** The deployment under test: a WebSocket URL and table names, wherever they are. */

import { readFileSync } from "node:fs";
import { AgentRegistry, EnrolmentRegistry } from "@agent-heartbeat/sdk/registry";
import { StatusReader } from "@agent-heartbeat/sdk/status";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";

/** The variable with a deployment's outputs file, in the format of `.local/outputs.json`. Without it, the suite starts a local runtime. */
export const TARGET_VARIABLE = "AGENT_HEARTBEAT_TARGET";

/** The assembly that the suite's setup synthesized; undefined if a deployment is tested, whose clock can't be controlled. */
export const sharedAssembly = (): string | undefined => process.env.AGENT_HEARTBEAT_ASSEMBLY;

interface Outputs {
  webSocketUrl: string;
  httpUrl?: string;
  /** The `aud` of HTTP requests, where it is not the URL. */
  httpAudience?: string;
  statusTableName: string;
  registryTableName: string;
  region: string;
  /** Absent for DynamoDB itself, read with the caller's credentials. */
  dynamoDbEndpoint?: string;
}

export interface Target {
  url: string;
  /** Where heartbeats over HTTP are sent, and the `aud` of their tokens. */
  http: { url: string; audience: string };
  client: DynamoDBClient;
  registry: AgentRegistry;
  enrolments: EnrolmentRegistry;
  statuses: StatusReader;
  statusTableName: string;
  registryTableName: string;
  close(): void;
}

export function openTarget(): Target {
  const file = process.env[TARGET_VARIABLE];
  if (!file) throw new Error(`${TARGET_VARIABLE} is not set: did the global set-up run?`);
  return targetOf(JSON.parse(readFileSync(file, "utf8")) as Outputs);
}

/** The deployment that has these outputs. */
export function targetOf(outputs: Outputs): Target {
  const { webSocketUrl, httpUrl = "", httpAudience = httpUrl } = outputs;
  const { statusTableName, registryTableName, region, dynamoDbEndpoint } = outputs;
  const client = new DynamoDBClient({
    region,
    ...(dynamoDbEndpoint && {
      endpoint: dynamoDbEndpoint,
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    }),
  });
  return {
    url: webSocketUrl,
    http: { url: httpUrl, audience: httpAudience },
    client,
    registry: new AgentRegistry({ client, registryTableName, statusTableName }),
    enrolments: new EnrolmentRegistry({ client, registryTableName, statusTableName }),
    statuses: new StatusReader({ client, tableName: statusTableName, consistent: true }),
    statusTableName,
    registryTableName,
    close: () => client.destroy(),
  };
}
