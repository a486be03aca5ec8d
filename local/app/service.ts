/** Runs the stack of Agent Heartbeat on this machine, and finds in its outputs what clients and tools ask for. */

import { LocalRuntimeError } from "../aws/errors";
import { type LocalRuntime, type LocalRuntimeOptions, startLocalRuntime } from "../aws/runtime";

/** Where everything is, as `.local/outputs.json` has it. */
export interface LocalOutputs {
  webSocketUrl: string;
  dynamoDbEndpoint: string;
  statusTableName: string;
  registryTableName: string;
  eventBusName: string;
  region: string;
  /** The dashboard. Its address alone signs in whoever opens it on this machine. */
  dashboardUrl?: string;
}

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
    // In a stack with more in it, the names begin with the id of a construct.
    const named = Object.keys(outputs).filter((key) => key.endsWith(name));
    const value = outputs[named.length === 1 ? String(named[0]) : name];
    if (value !== undefined) return value;
    throw new LocalRuntimeError(`The template: expected an output ${name}, got none of that name`);
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
