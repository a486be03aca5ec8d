/** What the SDK takes from a page: the clocks, the key that is given, and the page's own WebSocket. */

import { LIMITS } from "../../../core/limits";
import { invalid } from "../checks";
import { ConnectionManager } from "../connection/connection-manager";
import { keySourceOf } from "../connection/key-source";
import { signingKey } from "../connection/keys";
import { isFinal } from "../connection/state";
import { synchronousScope } from "../messaging/work";
import type { AgentOptions } from "../options";
import type { AgentEnvironment } from "./agent-environment";
import { followPage } from "./page";
import type { Runtime } from "./runtime";
import { standardSockets, type WebSocketConstructor } from "./standard-socket";

type Surroundings = Pick<AgentOptions, "privateKey" | "keyId" | "runtime">;

/** @throws ConfigurationError if there is no key. */
export function browserEnvironment({ privateKey, keyId, runtime }: Surroundings): AgentEnvironment {
  if (privateKey === undefined) {
    throw invalid("privateKey", "PEM text, a JWK or a CryptoKey", undefined);
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
    // A page can't split a message into frames.
    maxBytes: LIMITS.frameBytes,
    scope: synchronousScope(),
    key: keySourceOf(privateKey, (key) => signingKey(key, keyId)),
    createManager: (options, emit) => {
      const manager: ConnectionManager = new ConnectionManager(options, browserRuntime, (event) => {
        if (event.type === "state" && isFinal(event.change.state)) leavePage();
        emit(event);
      });
      const leavePage = followPage(manager, options.login.heartbeatTimeout);
      return manager;
    },
  };
}
