/**
 * The SDK's entry for Node.js.
 *
 * @module @agent-heartbeat/sdk
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { LIMITS } from "../../core/limits";
import { invalid } from "./checks";
import { ConfigurationError } from "./errors";
import { resolveWatcherOptions } from "./fleet/options";
import type { Task } from "./messaging/work";
import type { NodeAgentOptions, NodeWatcherOptions } from "./node-options";
import { type AgentOptions, type ResolvedOptions, resolveOptions } from "./options";
import type { AgentEnvironment } from "./platform/agent-environment";
import { checkedHttpUrl, givenHttpUrl } from "./platform/http/http-url";
import { nodeConnectionManager } from "./platform/http/node-connection-manager";
import { NodeAgent, NodeWatcher } from "./platform/node-clients";
import { type KeyOptions, nodeKey } from "./platform/node-key";
import { nodeRuntime } from "./platform/node-runtime";
import { nodeSockets } from "./platform/node-socket";
import type { Runtime } from "./platform/runtime";
import { onSignals } from "./platform/signals";
import {
  AGENT_OPTIONS,
  expectOptions,
  expectTracing,
  WATCHER_OPTIONS,
} from "./platform/strict-names";
import { ThreadConnectionManager } from "./platform/thread/thread-connection-manager";
import { warnOfSimpleAgent } from "./simple-warning";

export type { HeartbeatAckMessage } from "../../core/protocol";
export type { TraceContext, TracedMessage, TracedSend, Tracing } from "./messaging/tracing";
export type { NodeAgentOptions, NodePrivateKey, NodeWatcherOptions } from "./node-options";
export type { AwsCredentials, AwsIdentity } from "./platform/aws-proof";
export { EnrolmentRefusedError } from "./platform/enrolment-refusal";
export {
  HttpHeartbeatClient,
  type HttpHeartbeatClientOptions,
  type LeaveOptions,
} from "./platform/http/heartbeat-client";
export type { AgentFleet } from "./platform/node-clients";
export { type ProxyEnvironment, proxyAgent, proxyFor } from "./platform/proxy";
export * from "./public";

/** An agent that stays connected and sends heartbeats. */
export class HeartbeatAgent extends NodeAgent {
  /** @throws ConfigurationError if an option is missing, of the wrong type or out of its limits. */
  constructor(options: NodeAgentOptions) {
    const resolved = resolveOptions(common(options), "heartbeat");
    const environment = nodeEnvironment(options, resolved);
    super(resolved, environment);
    retryWithKey(this, environment);
  }
}

/**
 * The same without heartbeats and without reconnecting, for development: it reads as offline when its
 * first lease has run out.
 */
export class SimpleAgent extends NodeAgent {
  /** @throws ConfigurationError if an option is missing, of the wrong type or out of its limits. */
  constructor(options: NodeAgentOptions) {
    const resolved = resolveOptions(common(options), "simple");
    const environment = nodeEnvironment(options, resolved);
    super(resolved, environment);
    retryWithKey(this, environment);
    warnOfSimpleAgent(resolved.logger);
  }
}

/**
 * An organization's agents in a map that is kept current, for a registered viewer. Times are by the
 * server's clock.
 */
export class FleetWatcher extends NodeWatcher {
  /** @throws ConfigurationError if an option is missing, of the wrong type or out of its limits. */
  constructor(options: NodeWatcherOptions) {
    expectOptions(options, WATCHER_OPTIONS);
    const { privateKey: _, enrolmentToken: __, awsIdentity: ___, ...common } = options;
    const resolved = resolveWatcherOptions(common);
    super(resolved, nodeEnvironment(options, resolved));
  }
}

/** A login was refused with a key that may be accepted once it is registered again. */
function retryWithKey(agent: NodeAgent, { key }: AgentEnvironment): void {
  agent.on("attemptFailed", ({ failure }) => {
    if (failure.status === 403 && key.refused?.()) agent.reconnect();
  });
}

type Resolved = Pick<ResolvedOptions, "managerOptions" | "logger">;

type Surroundings = Pick<
  NodeAgentOptions,
  | keyof KeyOptions
  | "tracing"
  | "runtime"
  | "signals"
  | "heartbeatThread"
  | "heartbeatTransport"
  | "reconnect"
>;

function nodeEnvironment(options: Surroundings, resolved: Resolved): AgentEnvironment {
  const { signals = ["SIGTERM", "SIGINT"] } = options;
  if (options.heartbeatThread && options.runtime) {
    throw new ConfigurationError("expected either heartbeatThread or runtime, got both");
  }
  if (options.heartbeatThread && options.reconnect?.schedule) {
    throw new ConfigurationError("expected either heartbeatThread or reconnect.schedule, got both");
  }
  const { agent } = options;
  if (agent && (options.heartbeatThread || options.runtime?.openSocket)) {
    const other = options.heartbeatThread ? "heartbeatThread" : "runtime.openSocket";
    throw new ConfigurationError(`expected either agent or ${other}, got both`);
  }
  const sockets = agent && { openSocket: nodeSockets(agent) };
  // Clocks belong together.
  const { boottime, ...others } = nodeRuntime;
  const all = Object.entries(options.runtime ?? {}).filter(([, value]) => value !== undefined);
  const given: Partial<Runtime> = Object.fromEntries(all);
  const base = given.now || given.monotonic ? others : nodeRuntime;
  const runtime = { ...base, ...sockets, ...given };
  const httpUrl = heartbeatUrl(options);
  const warn = (message: string) => resolved.logger.warn(`${options.agentId}: ${message}`);
  return {
    runtime,
    maxBytes: LIMITS.messageBytes,
    scope: new AsyncLocalStorage<Task>(),
    key: nodeKey(options, runtime, resolved.managerOptions.connectTimeoutMs, warn),
    createManager: (manager, emit) => {
      const withHttp = { ...manager, ...(httpUrl !== undefined && { httpUrl }) };
      return options.heartbeatThread
        ? new ThreadConnectionManager(withHttp, emit, warn)
        : nodeConnectionManager(withHttp, runtime, emit, { agent, warn });
    },
    ...(options.tracing && { tracing: options.tracing }),
    onSignal: (agent) => {
      let signalled = false;
      return onSignals(signals, () => {
        // A drain may have begun without a signal: a second one means that it takes too long.
        void (signalled ? agent.stop() : agent.drain());
        signalled = true;
      });
    },
  };
}

/** @throws ConfigurationError if the transport is unknown, or has no URL */
function heartbeatUrl({ heartbeatTransport = "websocket", httpUrl }: Surroundings) {
  if (heartbeatTransport === "websocket") return undefined;
  if (heartbeatTransport !== "http") {
    throw invalid("heartbeatTransport", '"websocket" or "http"', heartbeatTransport);
  }
  return checkedHttpUrl(givenHttpUrl(httpUrl), 'heartbeatTransport "http"');
}

function common(options: NodeAgentOptions): AgentOptions {
  expectOptions(options, AGENT_OPTIONS);
  expectTracing(options.tracing);
  const { privateKey: _, enrolmentToken: __, awsIdentity: ___, ...rest } = options;
  return rest;
}
