/** The SDK's entry for browsers: no Node.js built-ins, and the page's own WebSocket. */

import { Agent } from "./agent";
import type { AgentEnvironment } from "./agent-environment";
import { ConfigurationError } from "./errors";
import { resolveWatcherOptions, type WatcherOptions } from "./fleet/options";
import { Watcher } from "./fleet/watcher";
import { signingKey } from "./keys";
import { Link } from "./link";
import { type AgentOptions, resolveOptions } from "./options";
import type { Runtime } from "./runtime";
import { warnOfSimpleAgent } from "./simple-warning";
import { standardSockets, type WebSocketConstructor } from "./standard-socket";

export * from "./public";

/** An agent that stays connected and shows by its heartbeats that it lives. */
export class HeartbeatAgent extends Agent {
  /** @throws ConfigurationError if an option is missing, of the wrong type or out of its limits. */
  constructor(options: AgentOptions) {
    super(resolveOptions(options, "heartbeat"), browserEnvironment(options));
  }
}

/**
 * The same without heartbeats and without reconnecting, for development: it reads as offline when its
 * first lease has run out.
 */
export class SimpleAgent extends Agent {
  /** @throws ConfigurationError if an option is missing, of the wrong type or out of its limits. */
  constructor(options: AgentOptions) {
    const resolved = resolveOptions(options, "simple");
    super(resolved, browserEnvironment(options));
    warnOfSimpleAgent(resolved.logger);
  }
}

/**
 * An organization's agents in a map that is kept current, for a registered viewer. Times are by the
 * server's clock.
 */
export class FleetWatcher extends Watcher {
  /** @throws ConfigurationError if an option is missing, of the wrong type or out of its limits. */
  constructor(options: WatcherOptions) {
    super(resolveWatcherOptions(options), browserEnvironment(options));
  }
}

type Surroundings = Pick<AgentOptions, "privateKey" | "keyId" | "runtime">;

function browserEnvironment({ privateKey, keyId, runtime }: Surroundings): AgentEnvironment {
  if (privateKey === undefined) {
    throw new ConfigurationError(
      "option privateKey: expected PEM text or a CryptoKey, got nothing",
    );
  }
  const browserRuntime: Runtime = {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    random: () => Math.random(),
    setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
    clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
    openSocket: standardSockets(
      (globalThis as unknown as { WebSocket: WebSocketConstructor }).WebSocket,
    ),
    ...runtime,
  };
  return {
    runtime: browserRuntime,
    loadKey: () => signingKey(privateKey, keyId),
    createLink: (options, emit) => new Link(options, browserRuntime, emit),
  };
}
