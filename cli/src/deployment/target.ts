/** Finds the deployment that a command uses: a local service, a CloudFormation stack, or values given one by one. */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { CliError, EXIT, usageError } from "../failure";
import type { Clients, Io } from "../io";
import {
  givenIn,
  OPTION_OF,
  type StackOutputs,
  type TargetOptions,
} from "../options/target-options";
import { findOutputs, type LocalOutputs, readOutputs } from "./outputs-file";
import { findStack, stackIn } from "./stack";

/** A deployment, ready to be spoken to. A name or address that was not given or found is asked for when it is read. */
export interface Target {
  /** As in `the local service` or `stack AgentHeartbeat`. */
  name: string;
  readonly webSocketUrl: string;
  readonly httpUrl: string;
  readonly statusTableName: string;
  readonly registryTableName: string;
  readonly eventBusName: string;
  /** Where the dashboard is, if the deployment has one. */
  dashboardUrl: string | undefined;
  /** Whether it is a service on this machine. */
  isLocal: boolean;
  /** All that was found or given. */
  outputs: Partial<StackOutputs>;
  dynamoDb: DynamoDBClient;
  /** Made when it is first needed: most commands put no events. */
  eventBridge(): ReturnType<Clients["eventBridge"]>;
}

/** Where a local service takes events, below the address of its gateway. */
const LOCAL_EVENTS_PATH = "/_aws/events";

/** The engine takes any; the AWS client wants some. */
const LOCAL_CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" };

/** Attempts at a call to a local service: it answers at once or is not there. */
const LOCAL_ATTEMPTS = 1;

/**
 * @throws CliError if none or several are named, or the one named is not there
 */
export async function findTarget(options: TargetOptions, io: Io): Promise<Target> {
  const { local, stack, construct, outputs } = options;
  if (local && stack) throw usageError("--local and --stack exclude each other.");
  if (local && outputs) throw usageError("--local and --outputs exclude each other.");
  if (construct && !stack && !outputs) {
    throw usageError("--construct needs --stack <name> or --outputs <file>.");
  }
  if (local) return fileTarget(findOutputs(io.cwd), options, io);
  if (outputs) return fileTarget(outputs, options, io);
  if (stack) {
    const config = configOf(options);
    return awsTarget(await findStack(stack, construct, givenIn(options), config, io), options, io);
  }
  const given = givenIn(options);
  if (Object.keys(given).length > 0) {
    return awsTarget({ name: "the deployment", outputs: given }, options, io);
  }
  throw usageError(
    "No target given.",
    "Add --local for the service on this machine, --stack <name> for a deployed one, " +
      "--outputs <file>, or --status-table and --registry-table.",
  );
}

async function fileTarget(file: string, options: TargetOptions, io: Io): Promise<Target> {
  const found = await readOutputs(file, io);
  if ("webSocketUrl" in found) {
    const without = (["stack", "construct"] as const).find((name) => options[name]);
    if (without) throw usageError(`${file} belongs to a local service, which has no --${without}.`);
    return localTarget(found, options, io);
  }
  const { stack, construct } = options;
  return awsTarget(
    stackIn(file, found.stacks, { stack, construct, given: givenIn(options) }),
    options,
    io,
  );
}

async function localTarget(found: LocalOutputs, options: TargetOptions, io: Io): Promise<Target> {
  const common = {
    region: found.region,
    credentials: LOCAL_CREDENTIALS,
    maxAttempts: LOCAL_ATTEMPTS,
  };
  const { eventsEndpoint = eventsEndpointOf(found.webSocketUrl) } = found;
  return targetOf(
    "the local service",
    { ...outputsOf(found), ...givenIn(options) },
    {
      isLocal: true,
      dynamoDb: await io.clients.dynamoDb({ endpoint: found.dynamoDbEndpoint, ...common }),
      eventBridge: () => io.clients.eventBridge({ endpoint: eventsEndpoint, ...common }),
    },
  );
}

const outputsOf = (found: LocalOutputs): Partial<StackOutputs> => ({
  WebSocketUrl: found.webSocketUrl,
  StatusTableName: found.statusTableName,
  RegistryTableName: found.registryTableName,
  EventBusName: found.eventBusName,
  ...(found.httpUrl !== undefined && { HttpUrl: found.httpUrl }),
  ...(found.dashboardUrl !== undefined && { DashboardUrl: found.dashboardUrl }),
});

/** The service serves its gateway and its event bus at the same address. */
function eventsEndpointOf(webSocketUrl: string): string {
  return `http://${new URL(webSocketUrl).host}${LOCAL_EVENTS_PATH}`;
}

async function awsTarget(
  { name, outputs }: { name: string; outputs: Partial<StackOutputs> },
  options: TargetOptions,
  io: Io,
): Promise<Target> {
  const config = configOf(options);
  return targetOf(name, outputs, {
    isLocal: false,
    dynamoDb: await io.clients.dynamoDb(config),
    eventBridge: () => io.clients.eventBridge(config),
  });
}

const configOf = ({ region, profile }: TargetOptions) => ({
  ...(region && { region }),
  ...(profile && { profile }),
});

function targetOf(
  name: string,
  outputs: Partial<StackOutputs>,
  rest: Pick<Target, "isLocal" | "dynamoDb" | "eventBridge">,
): Target {
  const value = (output: keyof typeof OPTION_OF): string => {
    const found = outputs[output];
    if (found !== undefined) return found;
    const given = Object.keys(outputs).map((other) => OPTION_OF[other as typeof output].flag);
    throw new CliError(
      `This command needs ${OPTION_OF[output].flag} in addition to ${given.map((flag) => flag.split(" ")[0]).join(", ")}.`,
      EXIT.usage,
      "Or name the deployment with --stack <name> or --outputs <file>, which have all values.",
    );
  };
  return {
    name,
    get webSocketUrl() {
      return value("WebSocketUrl");
    },
    get httpUrl() {
      return value("HttpUrl");
    },
    get statusTableName() {
      return value("StatusTableName");
    },
    get registryTableName() {
      return value("RegistryTableName");
    },
    get eventBusName() {
      return value("EventBusName");
    },
    dashboardUrl: outputs.DashboardUrl,
    outputs,
    ...rest,
  };
}
