/** Runs a synthesized stack on this machine, composed of the emulated services. */

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { addressesFor, ownNameAddresses } from "./addresses";
import { type Clock, systemClock } from "./clock";
import { dynamoDbApi } from "./engine/dynamodb-api";
import { type Engine, startDynoxide } from "./engine/dynoxide";
import { createTables } from "./engine/tables";
import { EventBuses, type EventListener } from "./events/event-bus";
import { EVENTS_PATH, putEventsApi } from "./events/put-events-api";
import { FunctionUrlServers } from "./function-urls/function-url-servers";
import { AsyncInvocations } from "./functions/async-invocations";
import { ACCOUNT_CONCURRENCY, Concurrency } from "./functions/concurrency";
import type { Call } from "./functions/local-function";
import { LocalFunctions } from "./functions/local-functions";
import { type LogSink, openLogFiles } from "./functions/log-files";
import { connectionsApi } from "./gateway/connections-api";
import { Gateway } from "./gateway/gateway";
import { createGuard, serveGuarded } from "./guard";
import { type HttpHandler, listen, respond } from "./http";
import { servePage } from "./page/serve-page";
import { functionUrlsIn } from "./resources/function-url";
import { readModel } from "./resources/model";
import type { PageDescription } from "./resources/page";
import { startMappings } from "./streams/start-mappings";
import { STS_PATH, stsApi } from "./sts";
import { readAssembly } from "./template/assembly";

/** The engine runs on this machine. If it takes longer than this, it hangs. */
const ENGINE_TIMEOUT_MS = 30_000;

const REGION = "us-east-1";
const ACCOUNT_ID = "000000000000";

export interface LocalRuntimeOptions {
  /** The output directory of `cdk synth`. */
  assemblyDirectory: string;
  /** The stack to run, if the assembly has several. */
  stackName?: string;
  /** The output whose value is the address of the WebSocket API to run, if the stack has several. */
  apiOutput?: string;
  /**
   * Called for each part of the template that is left out because it is not supported, and for each function that can't be
   * loaded.
   *
   * @default - such a template is refused
   */
  leaveOut?: (problem: string) => void;
  /**
   * The gateway's port; 0 for a free one. Function URLs have ports of their own: 1000 above the gateway's, or free ones.
   *
   * @default 0
   */
  port?: number;
  /**
   * Further names and addresses by which this machine is reached. The runtime also listens on the addresses.
   *
   * @default - only `localhost`, the host name and loopback addresses
   */
  hosts?: readonly string[];
  /** The endpoint of a running DynamoDB engine. @default - an engine is started, and stopped with the runtime */
  dynamoDbEndpoint?: string;
  /** What functions ask in place of AWS STS. @default - the runtime, which believes session tokens that are ARNs */
  stsEndpoint?: string;
  /** The directory of the engine's file. @default - everything in memory */
  dataDirectory?: string;
  /** The directory of the functions' log files. @default - none */
  logDirectory?: string;
  /** Called with each line of the functions' logs. @default - none */
  onLog?: LogSink;
  /** Called for failures that a deployment would show in its metrics. @default - none */
  onProblem?: (problem: string) => void;
  /** Whether scheduled rules run, including the sweep's. @default true */
  schedules?: boolean;
  /** The clock of limits, timeouts and schedules. @default systemClock */
  clock?: Clock;
  /**
   * The maximum number of concurrent events of all functions. Further events are throttled, as in an AWS account.
   *
   * @default 1000
   */
  concurrency?: number;
  /** The pause between two reads of a stream, in milliseconds. @default 50 */
  pollIntervalMs?: number;
  /** Wraps each call of a function, and may let it fail. @default - none */
  around?: (call: Call) => Promise<unknown>;
}

export interface LocalRuntime {
  /** The template's outputs by name, with local addresses. */
  outputs: Readonly<Record<string, string>>;
  /** The URL that clients connect to: `ws://127.0.0.1:<port>/<stage>`. */
  webSocketUrl: string;
  dynamoDbEndpoint: string;
  region: string;
  /** The address of the template's page; undefined if it has none. */
  pageUrl: string | undefined;
  /** The template's page; undefined if it has none. */
  page: PageDescription | undefined;
  /** Adds a request handler that precedes all others. */
  handle(handler: HttpHandler): void;
  /** The names of the functions. */
  functionNames: string[];
  /** The number of open connections. */
  connectionCount(): number;
  /** Adds a listener for every event of every bus. @returns a function that removes it */
  onEvent(listener: EventListener): () => void;
  /**
   * Calls a function, like `aws lambda invoke`.
   *
   * @param name its name, or a unique part of it
   * @throws LocalRuntimeError if there is no such function, FunctionFailed if it throws
   */
  invoke(name: string, event?: unknown): Promise<unknown>;
  /**
   * Ends a function's environment, as Lambda may do at any time. Events in progress fail, and the next event starts a new
   * environment.
   *
   * @throws LocalRuntimeError if there is no such function
   */
  endEnvironment(name: string): Promise<void>;
  /** Called if the engine ends by itself. Nothing works after that. */
  onBroken(listener: (reason: string) => void): void;
  /** Closes every connection, waits for calls in progress, and ends the engine. */
  stop(): Promise<void>;
}

/**
 * Starts a synthesized stack.
 *
 * @throws LocalRuntimeError if that fails. Then nothing is left running
 */
export async function startLocalRuntime(options: LocalRuntimeOptions): Promise<LocalRuntime> {
  const closing: (() => unknown)[] = [];
  const close = async () => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    return await start(options, closing, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(
  options: LocalRuntimeOptions,
  closing: (() => unknown)[],
  close: () => Promise<void>,
): Promise<LocalRuntime> {
  const { clock = systemClock, onProblem: report = () => {}, schedules = true } = options;
  const { hosts = [] } = options;
  const listening = await listen(options.port ?? 0, addressesFor(hosts));
  const { server, port } = listening;
  closing.push(() => listening.close());
  const gatewayHost = `127.0.0.1:${port}`;
  const assembly = readAssembly(options.assemblyDirectory, options.stackName);
  const place = { region: REGION, accountId: ACCOUNT_ID };
  const { leaveOut, apiOutput } = options;
  const { stackName } = assembly;
  const functionUrls = await FunctionUrlServers.listen(
    functionUrlsIn(assembly.template),
    options.port ?? 0,
    addressesFor(hosts),
  );
  closing.push(() => functionUrls.close());
  const model = readModel(assembly, {
    ...place,
    stackName,
    gatewayHost,
    functionUrlHosts: functionUrls.hosts,
    leaveOut,
    apiOutput,
  });
  const concurrency = new Concurrency(options.concurrency ?? ACCOUNT_CONCURRENCY, model.functions);

  const log = openLog(options, closing);
  const engine = await startEngine(options);
  closing.push(() => engine.stop());
  const dynamoDbEndpoint = engine.endpoint;
  const client = new DynamoDBClient({
    endpoint: dynamoDbEndpoint,
    region: REGION,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    requestHandler: { requestTimeout: ENGINE_TIMEOUT_MS, throwOnRequestTimeout: true },
  });
  closing.push(() => client.destroy());

  const functions = new LocalFunctions(model.functions, {
    environment: endpointsOf(dynamoDbEndpoint, gatewayHost, options.stsEndpoint),
    clock,
    log,
    concurrency,
    ...(options.around && { around: options.around }),
  });
  closing.push(() => functions.stop());
  const { of: functionOf } = functions;
  const [streams] = await Promise.all([
    createTables(client, model.tables),
    functions.warm(leaveOut),
  ]);

  const common = { functionOf, clock, report, ...place };
  const invocations = new AsyncInvocations({ functionOf, clock, retries: model.asyncRetries });
  closing.push(() => invocations.stop());
  const buses = new EventBuses({ ...model, ...common, invocations, schedules });
  closing.push(() => buses.stop());
  const gateway = new Gateway({ api: model.api, ...common });
  const { pollIntervalMs } = options;
  await startMappings(model.mappings, streams, {
    dynamoDbEndpoint,
    region: REGION,
    common,
    closing,
    ...(pollIntervalMs !== undefined && { pollIntervalMs }),
  });
  closing.push(() => gateway.stop());

  const handlers = [connectionsApi(gateway, model.api.stage), putEventsApi(buses), stsApi];
  if (options.dynamoDbEndpoint === undefined) {
    const dynamoDb = dynamoDbApi(dynamoDbEndpoint);
    closing.push(() => dynamoDb.close());
    handlers.push(dynamoDb.handle);
  }
  const pageUrl = `http://${gatewayHost}/`;
  if (model.page) handlers.push(servePage(model.page, { ownUrl: pageUrl }));
  const guard = createGuard(hosts);
  functionUrls.serve(model.functionUrls, { guard, clock, report, functionOf });
  serveGuarded(
    server,
    guard,
    (request, response) => serve(handlers, request, response),
    (request, socket, head) => gateway.upgrade(request, socket, head),
  );
  // Not awaited, because a name server may be slow.
  void ownNameAddresses().then((own) =>
    Promise.allSettled([listening, functionUrls].flatMap((one) => own.map(one.add))),
  );
  buses.start();

  return {
    outputs: model.outputs,
    webSocketUrl: `ws://${gatewayHost}/${model.api.stage}`,
    dynamoDbEndpoint: options.dynamoDbEndpoint ?? `http://${gatewayHost}`,
    region: REGION,
    pageUrl: model.page && pageUrl,
    page: model.page,
    handle: (handler) => handlers.unshift(handler),
    functionNames: functions.names,
    connectionCount: () => gateway.connectionCount,
    onEvent: (listener) => buses.listen(listener),
    invoke: async (name, event = {}) => functionOf(name).invoke(event),
    endEnvironment: async (name) => functionOf(name).endEnvironment(),
    onBroken: (listener) => engine.onEnd(listener),
    stop: close,
  };
}

function openLog(
  { logDirectory, onLog }: LocalRuntimeOptions,
  closing: (() => unknown)[],
): LogSink {
  const files = logDirectory === undefined ? undefined : openLogFiles(logDirectory);
  if (files) closing.push(() => files.close());
  return (functionName, line) => {
    files?.write(functionName, line);
    onLog?.(functionName, line);
  };
}

async function startEngine(options: LocalRuntimeOptions): Promise<Engine> {
  const { dynamoDbEndpoint, dataDirectory } = options;
  if (dynamoDbEndpoint === undefined) return startDynoxide(dataDirectory);
  return { endpoint: dynamoDbEndpoint, pid: undefined, onEnd: () => {}, stop: async () => {} };
}

/** Variables by which the AWS SDK's clients find the local endpoints. */
function endpointsOf(
  dynamoDb: string,
  gatewayHost: string,
  sts = `http://${gatewayHost}${STS_PATH}`,
): Record<string, string> {
  return {
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDb,
    AWS_ENDPOINT_URL_DYNAMODB_STREAMS: dynamoDb,
    AWS_ENDPOINT_URL_EVENTBRIDGE: `http://${gatewayHost}${EVENTS_PATH}`,
    AWS_ENDPOINT_URL_STS: sts,
  };
}

const serve = (handlers: HttpHandler[], ...[request, response]: Parameters<HttpHandler>): void => {
  if (handlers.some((handler) => handler(request, response))) return;
  respond(response, 403, { message: "Forbidden" });
};
