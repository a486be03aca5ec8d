/** Reports to JavaScript callers what TypeScript would refuse in the options of agents and watchers. Not in pages, for their size. */

import { LIMITS } from "../../../core/limits";
import { type Names, unknown, unknownName } from "../../../core/unknown-names";
import type { ListQuery } from "../agent";
import type { AgentEvents } from "../agent-events";
import { invalid, whole } from "../checks";
import type { StartOptions } from "../connection/start";
import { ConfigurationError } from "../errors";
import type { FleetEvents } from "../fleet/events";
import type { HandlerOptions } from "../messaging/dispatcher";
import type { RequestOptions } from "../messaging/messaging";
import type { ProfileOptions } from "../messaging/profile";
import type { Tracing } from "../messaging/tracing";
import type { NodeAgentOptions, NodeWatcherOptions } from "../node-options";
import type { ReconnectOptions } from "../options";
import { show } from "../user-code";
import type { AwsIdentity } from "./aws-proof";

export const AGENT_EVENTS: Names<AgentEvents> = {
  state: true,
  attemptFailed: true,
  heartbeatAck: true,
  rotated: true,
  clockSkew: true,
  ready: true,
  handlerError: true,
  messageDropped: true,
  protocolError: true,
};

export const FLEET_EVENTS: Names<FleetEvents> = { change: true, state: true, massExpiry: true };

const COMMON: Names<Omit<NodeWatcherOptions, "profiles">> = {
  agentId: true,
  organizationId: true,
  url: true,
  privateKey: true,
  privateKeyPath: true,
  passphrase: true,
  enrolmentToken: true,
  awsIdentity: true,
  httpUrl: true,
  keyId: true,
  agent: true,
  reconnect: true,
  rotateAfter: true,
  connectTimeout: true,
  closeTimeout: true,
  requestTimeout: true,
  logger: true,
  runtime: true,
};

export const WATCHER_OPTIONS: Names<NodeWatcherOptions> = { ...COMMON, profiles: true };

export const AGENT_OPTIONS: Names<NodeAgentOptions> = {
  ...COMMON,
  heartbeatInterval: true,
  heartbeatTimeoutMultiplier: true,
  ackEvery: true,
  autoReconnect: true,
  onDuplicate: true,
  capabilities: true,
  metadata: true,
  messageConcurrency: true,
  messageQueue: true,
  sendQueue: true,
  remoteDrain: true,
  drainTimeout: true,
  signals: true,
  heartbeatThread: true,
  heartbeatTransport: true,
  tracing: true,
};

const RECONNECT: Names<ReconnectOptions> = {
  baseDelay: true,
  maxDelay: true,
  schedule: true,
  stableAfter: true,
};

const AWS_IDENTITY: Names<AwsIdentity> = { credentials: true, region: true };

export const HANDLER_OPTIONS: Names<HandlerOptions> = {
  group: true,
  concurrency: true,
  maxSilence: true,
};

const PROFILE_OPTIONS: Names<ProfileOptions> = { capabilities: true, metadata: true };

const QUERY: Names<ListQuery> = { status: true, cursor: true, limit: true, profiles: true };

export const REQUEST_OPTIONS: Names<RequestOptions> = {
  to: true,
  capability: true,
  timeout: true,
  retries: true,
  signal: true,
};

/** @throws ConfigurationError if there is no option of a name, here or in `reconnect` or `rotateAfter`. */
export function expectOptions(
  options: NodeAgentOptions | NodeWatcherOptions,
  known: Names<NodeAgentOptions> | Names<NodeWatcherOptions>,
): void {
  expectNames("option ", options, known);
  expectNames("option reconnect.", options.reconnect, RECONNECT);
  expectNames("option awsIdentity.", options.awsIdentity, AWS_IDENTITY);
  expectNames("option rotateAfter.", options.rotateAfter, { min: true, max: true });
}

/** @throws ConfigurationError if an object has a name that is not known. */
export function expectNames(what: string, given: unknown, known: object): void {
  const fault = typeof given === "object" && given ? unknownName(given, known) : undefined;
  if (fault) throw new ConfigurationError(what + fault);
}

/** @throws ConfigurationError if there is no event of the name, or the listener is no function. */
export function expectListener(name: unknown, listener: unknown, known: object): void {
  if (!Object.hasOwn(known, String(name))) {
    throw new ConfigurationError(`event ${unknown(String(name), Object.keys(known))}`);
  }
  expectFunction(`listener of ${name}`, listener);
}

/** @throws ConfigurationError if it is none. */
export function expectFunction(what: string, given: unknown): void {
  if (typeof given === "function") return;
  throw new ConfigurationError(`${what}: expected a function, got ${show(given)}`);
}

/** @throws ConfigurationError if it is none. */
export function expectTracing(tracing: Tracing | undefined): void {
  if (tracing === undefined) return;
  if (typeof tracing?.send === "function" && typeof tracing.process === "function") return;
  throw invalid("tracing", "an object with the functions send and process", tracing);
}

/** @throws ConfigurationError if it is not what `setProfile` takes; what is in it is checked there. */
export function expectProfile(profile: unknown): void {
  expectObject("profile", profile, PROFILE_OPTIONS);
}

/** @throws ConfigurationError if an option of `list` is none, or out of its limits. */
export function expectQuery(query: ListQuery | undefined): void {
  if (query === undefined) return;
  expectObject("query", query, QUERY);
  if (query.limit !== undefined) whole("limit", query.limit, 1, LIMITS.listPageSize);
}

/** @throws ConfigurationError if the signal is none. */
export function expectStartOptions(options: StartOptions | undefined): void {
  if (options === undefined) return;
  expectObject("options", options, { signal: true });
  expectSignal(options.signal);
}

/** @throws ConfigurationError if it is none. */
export function expectSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (typeof (signal as Partial<AbortSignal>)?.addEventListener === "function") return;
  throw invalid("signal", "an AbortSignal", signal);
}

function expectObject(what: string, given: unknown, known: object): void {
  if (typeof given !== "object" || given === null) {
    throw new ConfigurationError(`${what}: expected an object, got ${show(given)}`);
  }
  expectNames("option ", given, known);
}
