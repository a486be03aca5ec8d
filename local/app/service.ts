/** Runs the stack of Agent Heartbeat on this machine, and reads the addresses and names in its outputs. */

import { boundedClient } from "@agent-heartbeat/sdk/status";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { LocalRuntimeError } from "../aws/errors";
import { type LocalRuntime, type LocalRuntimeOptions, startLocalRuntime } from "../aws/runtime";
import { stacksIn } from "../aws/template/assembly";

/** The content of `.local/outputs.json`. */
export interface LocalOutputs {
  webSocketUrl: string;
  /** The URL of heartbeats over HTTP, unless the app leaves it out. */
  httpUrl?: string;
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

export interface LocalServiceOptions extends LocalRuntimeOptions {
  /** Which construct, if the stack has several: the beginning of the names of its outputs. */
  construct?: string;
}

const URL_OUTPUT = "WebSocketUrl";

/**
 * Starts a synthesized stack of Agent Heartbeat.
 *
 * @throws LocalRuntimeError in one sentence, with nothing left running
 */
export async function startLocalService(options: LocalServiceOptions): Promise<LocalService> {
  const { stackName, construct } = chosen(options);
  const runtime = await startLocalRuntime({
    ...options,
    stackName,
    apiOutput: `${construct}${URL_OUTPUT}`,
  });
  try {
    return { ...runtime, outputs: outputsOf(runtime, construct) };
  } catch (error) {
    await runtime.stop();
    throw error;
  }
}

/** The only stack and construct, or those that are named. @throws LocalRuntimeError if there are none, or several */
function chosen({ assemblyDirectory, stackName, construct }: LocalServiceOptions) {
  const all = stacksIn(assemblyDirectory);
  const found = [...all].flatMap(([stack, outputs]) => {
    if (stackName !== undefined && stack !== stackName) return [];
    // If a construct is its own stack, its outputs have no prefix.
    const ids = outputs.flatMap((name) => /^(\w*)WebSocketUrl$/.exec(name)?.[1] ?? []);
    const own = ids.includes("") && construct === undefined ? [""] : ids;
    return own
      .filter((id) => construct === undefined || id === construct)
      .map((id) => ({ stackName: stack, construct: id }));
  });
  const [first] = found;
  if (first && found.length === 1) return first;
  const got = found
    .map((one) => [one.stackName, one.construct].filter(Boolean).join(" "))
    .join(", ");
  throw new LocalRuntimeError(
    first
      ? `The app has several: ${got}; name one with --stack <name> and --construct <id>`
      : `The app: expected a stack with an AgentHeartbeat${construct ? ` ${construct}` : ""}, got the stacks ${[...all.keys()].join(", ") || "none"}`,
  );
}

/** @param construct what the names of the outputs begin with */
function outputsOf(runtime: LocalRuntime, construct: string): LocalOutputs {
  const { outputs, dynamoDbEndpoint, region } = runtime;
  const output = (name: string): string => {
    const value = outputs[`${construct}${name}`];
    if (value !== undefined) return value;
    throw new LocalRuntimeError(`The template: expected an output ${construct}${name}, got none`);
  };
  const webSocketUrl = output(URL_OUTPUT);
  if (!`${webSocketUrl}/`.startsWith(runtime.webSocketUrl.replace(/[^/]*$/, ""))) {
    throw new LocalRuntimeError(
      `The output WebSocketUrl: expected the address of the template's own API, got ${webSocketUrl}`,
    );
  }
  const httpUrl = outputs[`${construct}HttpUrl`];
  return {
    webSocketUrl,
    ...(httpUrl !== undefined && { httpUrl }),
    dynamoDbEndpoint,
    statusTableName: output("StatusTableName"),
    registryTableName: output("RegistryTableName"),
    eventBusName: output("EventBusName"),
    region,
  };
}
