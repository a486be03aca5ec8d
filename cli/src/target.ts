/** Finds the deployment that a command speaks to: the local runtime, or a CloudFormation stack. */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { CliError, EXIT, usageError } from "./failure";
import type { Clients, Io } from "./io";
import { parseJson } from "./json-text";
import { shown } from "./printable";
import { findStack } from "./stack";
import { readTextFile } from "./text-file";

/** The options by which a target is named. */
export interface TargetOptions {
  local?: boolean;
  stack?: string;
  construct?: string;
  region?: string;
  profile?: string;
}

/** A deployment, ready to be spoken to. */
export interface Target {
  /** As in `the local runtime` or `stack AgentHeartbeat`. */
  name: string;
  webSocketUrl: string;
  statusTableName: string;
  registryTableName: string;
  eventBusName: string;
  /** Where the dashboard is, if the deployment has one. */
  dashboardUrl: string | undefined;
  dynamoDb: DynamoDBClient;
  /** Made when it is first needed: most commands put no events. */
  eventBridge(): ReturnType<Clients["eventBridge"]>;
}

const OUTPUTS_FILE = join(".local", "outputs.json");
const LOCAL_FIELDS = [
  "webSocketUrl",
  "dynamoDbEndpoint",
  "statusTableName",
  "registryTableName",
  "eventBusName",
  "region",
] as const;
const RESTART = "Restart the local runtime: `npm start`.";

/** Where the local runtime takes events, below the address of its gateway. */
const LOCAL_EVENTS_PATH = "/_aws/events";

/** The engine takes any; the AWS client wants some. */
const LOCAL_CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" };

/** Attempts at a call to the local runtime: it answers at once or is not there. */
const LOCAL_ATTEMPTS = 1;

/**
 * @throws CliError if none or both are named, or the one named is not there
 */
export async function findTarget(options: TargetOptions, io: Io): Promise<Target> {
  if (options.local && options.stack) throw usageError("--local and --stack exclude each other.");
  if (options.construct && !options.stack) throw usageError("--construct needs --stack <name>.");
  if (options.local) return localTarget(io);
  if (options.stack) return stackTarget(options.stack, options, io);
  throw usageError(
    "No target given.",
    "Add --local for the runtime on this machine, or --stack <name> for one that is deployed.",
  );
}

async function localTarget(io: Io): Promise<Target> {
  const file = findOutputs(io.cwd);
  const outputs = await readOutputs(file, io);
  const missing = LOCAL_FIELDS.filter((name) => typeof outputs[name] !== "string");
  if (missing.length > 0) {
    throw new CliError(`${file} lacks ${missing.join(", ")}.`, EXIT.target, RESTART);
  }
  const field = (name: (typeof LOCAL_FIELDS)[number]) => String(outputs[name]);
  const wrong = (["webSocketUrl", "dynamoDbEndpoint"] as const).find(
    (name) => !URL.canParse(field(name)),
  );
  if (wrong !== undefined) {
    throw new CliError(
      `${file}: ${wrong}: expected a URL, got ${shown(field(wrong))}.`,
      EXIT.target,
      RESTART,
    );
  }
  const common = {
    region: field("region"),
    credentials: LOCAL_CREDENTIALS,
    maxAttempts: LOCAL_ATTEMPTS,
  };
  const { dashboardUrl, eventsEndpoint = eventsEndpointOf(field("webSocketUrl")) } = outputs;
  return {
    name: "the local runtime",
    webSocketUrl: field("webSocketUrl"),
    statusTableName: field("statusTableName"),
    registryTableName: field("registryTableName"),
    eventBusName: field("eventBusName"),
    dashboardUrl: typeof dashboardUrl === "string" ? dashboardUrl : undefined,
    dynamoDb: await io.clients.dynamoDb({ endpoint: field("dynamoDbEndpoint"), ...common }),
    eventBridge: () => io.clients.eventBridge({ endpoint: String(eventsEndpoint), ...common }),
  };
}

/** The runtime serves its gateway and its event bus at the same address. */
function eventsEndpointOf(webSocketUrl: string): string {
  return `http://${new URL(webSocketUrl).host}${LOCAL_EVENTS_PATH}`;
}

/** The outputs file of this folder or the nearest above it. */
function findOutputs(cwd: string): string {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const file = join(folder, OUTPUTS_FILE);
    if (existsSync(file)) return file;
    if (folder === dirname(folder)) break;
  }
  throw new CliError(
    `No local runtime found: expected ${OUTPUTS_FILE} in ${cwd} or a folder above it.`,
    EXIT.target,
    "Start one with `npm start` in the checkout, or name a deployed one with --stack <name>.",
  );
}

async function readOutputs(file: string, io: Io): Promise<Record<string, unknown>> {
  try {
    const value = await parseJson(await readTextFile(file, io));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
    throw new TypeError(`expected an object, got ${shown(value)}`);
  } catch (cause) {
    const { message } = cause as Error;
    const sentence = cause instanceof CliError ? message : `${file} is not JSON: ${message}.`;
    throw new CliError(sentence, EXIT.target, RESTART, { cause });
  }
}

async function stackTarget(stack: string, options: TargetOptions, io: Io): Promise<Target> {
  const config = {
    ...(options.region && { region: options.region }),
    ...(options.profile && { profile: options.profile }),
  };
  const { name, outputs } = await findStack(stack, options.construct, config, io);
  return {
    name,
    webSocketUrl: outputs.WebSocketUrl,
    statusTableName: outputs.StatusTableName,
    registryTableName: outputs.RegistryTableName,
    eventBusName: outputs.EventBusName,
    dashboardUrl: outputs.DashboardUrl,
    dynamoDb: await io.clients.dynamoDb(config),
    eventBridge: () => io.clients.eventBridge(config),
  };
}
