/**
 * The SDK's entry for Node.js.
 *
 * @module @agent-heartbeat/sdk
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { LIMITS } from "../../core/protocol";
import { Agent } from "./agent";
import { ConnectionManager } from "./connection/connection-manager";
import { type SigningKey, signingKey } from "./connection/keys";
import { ConfigurationError, KeyError } from "./errors";
import { resolveWatcherOptions, type WatcherOptions } from "./fleet/options";
import { Watcher } from "./fleet/watcher";
import type { Task } from "./messaging/work";
import { type AgentOptions, resolveOptions } from "./options";
import type { AgentEnvironment } from "./platform/agent-environment";
import { nodeRuntime } from "./platform/node-runtime";
import { onSignals } from "./platform/signals";
import { ThreadConnectionManager } from "./platform/thread/thread-connection-manager";
import { warnOfSimpleAgent } from "./simple-warning";

export * from "./public";

/** Options of an agent in Node.js. */
export interface NodeAgentOptions extends Omit<AgentOptions, "privateKey"> {
  /** PEM text, a Web Crypto key or a `KeyObject`: RSA, P-256 or Ed25519. This or `privateKeyPath`. */
  privateKey?: AgentOptions["privateKey"] | KeyObject;
  /** A file with a private key in PEM. It is read when the agent starts. */
  privateKeyPath?: string;
  /**
   * Signals on which `run()` drains; on a second one it stops at once. Empty for none.
   *
   * @default ["SIGTERM", "SIGINT"]
   */
  signals?: readonly NodeJS.Signals[];
  /**
   * Keeps the connection and its heartbeats in a thread of their own, so that a blocked event loop does
   * not read as death. Handlers stay in the calling thread.
   *
   * @default false
   */
  heartbeatThread?: boolean;
}

/** An agent that stays connected and shows by its heartbeats that it lives. */
export class HeartbeatAgent extends Agent {
  /** @throws ConfigurationError if an option is missing, of the wrong type or out of its limits. */
  constructor(options: NodeAgentOptions) {
    super(resolveOptions(common(options), "heartbeat"), nodeEnvironment(options));
  }
}

/**
 * The same without heartbeats and without reconnecting, for development: it reads as offline when its
 * first lease has run out.
 */
export class SimpleAgent extends Agent {
  /** @throws ConfigurationError if an option is missing, of the wrong type or out of its limits. */
  constructor(options: NodeAgentOptions) {
    const resolved = resolveOptions(common(options), "simple");
    super(resolved, nodeEnvironment(options));
    warnOfSimpleAgent(resolved.logger);
  }
}

/** Options of `FleetWatcher` in Node.js. */
export interface NodeWatcherOptions
  extends Omit<WatcherOptions, "privateKey">,
    Pick<NodeAgentOptions, "privateKey" | "privateKeyPath"> {}

/**
 * An organization's agents in a map that is kept current, for a registered viewer. Times are by the
 * server's clock.
 */
export class FleetWatcher extends Watcher {
  /** @throws ConfigurationError if an option is missing, of the wrong type or out of its limits. */
  constructor(options: NodeWatcherOptions) {
    const { privateKey: _, ...common } = options;
    super(resolveWatcherOptions(common), nodeEnvironment(options));
  }
}

type Surroundings = Pick<
  NodeAgentOptions,
  | "privateKey"
  | "privateKeyPath"
  | "keyId"
  | "runtime"
  | "signals"
  | "heartbeatThread"
  | "reconnect"
>;

function nodeEnvironment(options: Surroundings): AgentEnvironment {
  const { privateKey, privateKeyPath, signals = ["SIGTERM", "SIGINT"] } = options;
  if ((privateKey === undefined) === (privateKeyPath === undefined)) {
    const got = privateKey === undefined ? "neither" : "both";
    throw new ConfigurationError(`expected either privateKey or privateKeyPath, got ${got}`);
  }
  if (options.heartbeatThread && options.runtime) {
    throw new ConfigurationError("expected either heartbeatThread or runtime, got both");
  }
  if (options.heartbeatThread && options.reconnect?.schedule) {
    throw new ConfigurationError("expected either heartbeatThread or reconnect.schedule, got both");
  }
  const runtime = { ...nodeRuntime, ...options.runtime };
  return {
    runtime,
    maxMessageBytes: LIMITS.messageBytes,
    taskScope: new AsyncLocalStorage<Task>(),
    loadKey: () => loadKey(privateKey, privateKeyPath, options.keyId),
    createManager: (link, emit) =>
      options.heartbeatThread
        ? new ThreadConnectionManager(link, emit)
        : new ConnectionManager(link, runtime, emit),
    onSignal: (callback) => onSignals(signals, callback),
  };
}

async function loadKey(
  privateKey: NodeAgentOptions["privateKey"],
  path: string | undefined,
  keyId: string | undefined,
): Promise<SigningKey> {
  if (path !== undefined) {
    const pem = await readFile(path, "utf8").catch((cause: unknown) => {
      throw new KeyError(`the private key at ${path} could not be read: ${String(cause)}`, {
        cause,
      });
    });
    return signingKey(pkcs8(pem), keyId);
  }
  if (typeof privateKey === "string") return signingKey(pkcs8(privateKey), keyId);
  if (privateKey && "export" in privateKey) return signingKey(exported(privateKey), keyId);
  if (!privateKey) throw new KeyError("expected a private key, got none");
  return signingKey(privateKey, keyId);
}

/** The same key in the one form that Web Crypto reads; older PEM forms are accepted too. */
function pkcs8(pem: string): string {
  try {
    return exported(createPrivateKey(pem));
  } catch (cause) {
    throw new KeyError(`the private key is not readable PEM: ${String(cause)}`, { cause });
  }
}

const exported = (key: KeyObject) => key.export({ type: "pkcs8", format: "pem" }).toString();

const common = ({ privateKey: _, ...options }: NodeAgentOptions): AgentOptions => options;
