/** The names that an agent and a watcher take: what TypeScript refuses, JavaScript is told. Pages do without, for their size. */

import { type Names, unknown, unknownName } from "../../../core/unknown-names";
import type { AgentEvents } from "../agent-events";
import { ConfigurationError } from "../errors";
import type { FleetEvents } from "../fleet/watcher";
import type { HandlerOptions } from "../messaging/dispatcher";
import type { RequestOptions } from "../messaging/messaging";
import type { NodeAgentOptions, NodeWatcherOptions } from "../node-options";
import type { ReconnectOptions } from "../options";

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
};

const RECONNECT: Names<ReconnectOptions> = {
  baseDelay: true,
  maxDelay: true,
  schedule: true,
  stableAfter: true,
};

export const HANDLER_OPTIONS: Names<HandlerOptions> = { concurrent: true, maxSilence: true };

export const REQUEST_OPTIONS: Names<RequestOptions> = { to: true, timeout: true };

/** @throws ConfigurationError if there is no option of a name, here or in `reconnect` or `rotateAfter`. */
export function expectOptions(
  options: NodeAgentOptions | NodeWatcherOptions,
  known: Names<NodeAgentOptions> | Names<NodeWatcherOptions>,
): void {
  expectNames("option ", options, known);
  expectNames("option reconnect.", options.reconnect, RECONNECT);
  expectNames("option rotateAfter.", options.rotateAfter, { min: true, max: true });
}

/** @throws ConfigurationError if an object has a name that is not known. */
export function expectNames(what: string, given: unknown, known: object): void {
  const fault = typeof given === "object" && given ? unknownName(given, known) : undefined;
  if (fault) throw new ConfigurationError(what + fault);
}

/** @throws ConfigurationError if there is no event of the name. */
export function expectEvent(name: unknown, known: object): void {
  if (Object.hasOwn(known, String(name))) return;
  throw new ConfigurationError(`event ${unknown(String(name), Object.keys(known))}`);
}
