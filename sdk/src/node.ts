/**
 * The SDK's entry for Node.js.
 *
 * @module @agent-heartbeat/sdk
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { readFile } from "node:fs/promises";
import { LIMITS } from "../../core/protocol";
import { ConnectionManager } from "./connection/connection-manager";
import { type KeySource, keySourceOf } from "./connection/key-source";
import { type CryptoKey, signingKey } from "./connection/keys";
import { ConfigurationError, KeyError } from "./errors";
import { resolveWatcherOptions } from "./fleet/options";
import type { Task } from "./messaging/work";
import type { NodeAgentOptions, NodeWatcherOptions } from "./node-options";
import { type AgentOptions, type ResolvedOptions, resolveOptions } from "./options";
import type { AgentEnvironment } from "./platform/agent-environment";
import { enrolledKey } from "./platform/enrolled-key";
import { keyIn } from "./platform/key-material";
import { lastingKey } from "./platform/lasting-key";
import { NodeAgent, NodeWatcher } from "./platform/node-clients";
import { nodeRuntime } from "./platform/node-runtime";
import { nodeSockets } from "./platform/node-socket";
import type { Runtime } from "./platform/runtime";
import { onSignals } from "./platform/signals";
import { AGENT_OPTIONS, expectOptions, WATCHER_OPTIONS } from "./platform/strict-names";
import { ThreadConnectionManager } from "./platform/thread/thread-connection-manager";
import { warnOfSimpleAgent } from "./simple-warning";

export type { NodeAgentOptions, NodePrivateKey, NodeWatcherOptions } from "./node-options";
export { type ProxyEnvironment, proxyAgent, proxyFor } from "./platform/proxy";
export * from "./public";

/** An agent that stays connected and shows by its heartbeats that it lives. */
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
    const { privateKey: _, enrolmentToken: __, ...common } = options;
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

type Resolved = Pick<ResolvedOptions, "link" | "logger">;

type Surroundings = Pick<
  NodeAgentOptions,
  | "agentId"
  | "privateKey"
  | "privateKeyPath"
  | "passphrase"
  | "enrolmentToken"
  | "httpUrl"
  | "organizationId"
  | "agent"
  | "keyId"
  | "runtime"
  | "signals"
  | "heartbeatThread"
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
  const warn = (message: string) => resolved.logger.warn(`${options.agentId}: ${message}`);
  return {
    runtime,
    maxMessageBytes: LIMITS.messageBytes,
    taskScope: new AsyncLocalStorage<Task>(),
    key: lastingKey(
      enrolled(options, runtime, warn) ?? keySource(options),
      runtime,
      resolved.link.connectTimeoutMs,
      warn,
    ),
    createManager: (link, emit) =>
      options.heartbeatThread
        ? new ThreadConnectionManager(link, emit)
        : new ConnectionManager(link, runtime, emit),
    onSignal: (agent) => {
      let signalled = false;
      return onSignals(signals, () => {
        // A drain may have begun without a signal: whoever sends a second one finds that it takes too long.
        void (signalled ? agent.stop() : agent.drain());
        signalled = true;
      });
    },
  };
}

/** Where tokens are found that are not in the program. */
const TOKEN_VARIABLE = "AGENT_HEARTBEAT_ENROLMENT_TOKEN";

/**
 * The key of an agent that registers itself; undefined if it has no token.
 *
 * @throws ConfigurationError if it has a key besides, or the token or the URL is none
 */
function enrolled(
  { privateKey, enrolmentToken, privateKeyPath: path, ...options }: Surroundings,
  { monotonic: now }: Runtime,
  warn: (message: string) => void,
): KeySource | undefined {
  if (enrolmentToken !== undefined && privateKey !== undefined) {
    throw new ConfigurationError("expected either privateKey or enrolmentToken, got both");
  }
  const given = privateKey === undefined ? process.env[TOKEN_VARIABLE]?.trim() : undefined;
  const token = enrolmentToken ?? (given || undefined);
  if (token === undefined) return undefined;
  const { agentId, organizationId, httpUrl, passphrase, agent } = options;
  const where = { agentId, organizationId, httpUrl, path, passphrase, agent };
  return enrolledKey({ ...where, token, now, warn });
}

/** @throws ConfigurationError if there is none, or more than one. */
function keySource({ privateKey, privateKeyPath: path, ...rest }: Surroundings): KeySource {
  const { keyId, passphrase } = rest;
  if (privateKey !== undefined && path !== undefined) {
    throw new ConfigurationError("expected either privateKey or privateKeyPath, got both");
  }
  if (privateKey === undefined && path === undefined) {
    throw new ConfigurationError(
      "expected privateKey, privateKeyPath or enrolmentToken, got none (is the environment variable set?)",
    );
  }
  const read = async (key: unknown) => {
    const isWebKey = typeof key === "object" && key !== null && "usages" in key;
    if (isWebKey) return signingKey(key as CryptoKey, keyId);
    const pem = keyIn(key, "private", passphrase).export({ type: "pkcs8", format: "pem" });
    return signingKey(String(pem), keyId);
  };
  if (path === undefined) return keySourceOf<unknown>(privateKey, read);
  const load = async () => {
    try {
      return await read(await readFile(path));
    } catch (cause) {
      const why = cause instanceof KeyError ? "is of no use" : "could not be read";
      const { message } = cause as Error;
      throw new KeyError(`the private key at ${path} ${why}: ${message}`, { cause });
    }
  };
  return { isFunction: false, load };
}

function common(options: NodeAgentOptions): AgentOptions {
  expectOptions(options, AGENT_OPTIONS);
  const { privateKey: _, enrolmentToken: __, ...rest } = options;
  return rest;
}
