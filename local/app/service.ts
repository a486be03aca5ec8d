/** Runs the stack of Agent Heartbeat on this machine, and reads the addresses and names in its outputs. */

import { boundedClient } from "@agent-heartbeat/sdk/status";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { LocalRuntimeError } from "../aws/errors";
import { type LocalRuntime, type LocalRuntimeOptions, startLocalRuntime } from "../aws/runtime";

/** The content of `.local/outputs.json`. */
export interface LocalOutputs {
  webSocketUrl: string;
  dynamoDbEndpoint: string;
  statusTableName: string;
  registryTableName: string;
  eventBusName: string;
  region: string;
  /** The dashboard, which signs in browsers on this machine. */
  dashboardUrl?: string;
}

/** A client of the runtime's tables, for programs outside of the functions. */
export const localDynamoDb = ({
  dynamoDbEndpoint: endpoint,
  region,
}: Pick<LocalOutputs, "dynamoDbEndpoint" | "region">): DynamoDBClient =>
  boundedClient(DynamoDBClient, {
    endpoint,
    region,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });

export interface LocalService extends Omit<LocalRuntime, "outputs"> {
  outputs: LocalOutputs;
}

/**
 * Starts a synthesized stack of Agent Heartbeat.
 *
 * @throws LocalRuntimeError in one sentence, with nothing left running
 */
export async function startLocalService(options: LocalRuntimeOptions): Promise<LocalService> {
  const runtime = await startLocalRuntime(options);
  try {
    return { ...runtime, outputs: outputsOf(runtime) };
  } catch (error) {
    await runtime.stop();
    throw error;
  }
}

function outputsOf(runtime: LocalRuntime): LocalOutputs {
  const { outputs, dynamoDbEndpoint, region } = runtime;
  const output = (name: string): string => {
    // In other stacks, the names begin with the construct's id.
    const named = Object.keys(outputs).filter((key) => key.endsWith(name));
    const value = outputs[named.length === 1 ? String(named[0]) : name];
    if (value !== undefined) return value;
    throw new LocalRuntimeError(`The template: expected an output ${name}, got none`);
  };
  const webSocketUrl = output("WebSocketUrl");
  if (!`${webSocketUrl}/`.startsWith(runtime.webSocketUrl.replace(/[^/]*$/, ""))) {
    throw new LocalRuntimeError(
      `The output WebSocketUrl: expected the address of the template's own API, got ${webSocketUrl}`,
    );
  }
  return {
    webSocketUrl,
    dynamoDbEndpoint,
    statusTableName: output("StatusTableName"),
    registryTableName: output("RegistryTableName"),
    eventBusName: output("EventBusName"),
    region,
  };
}
