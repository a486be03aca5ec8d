/** What an agent takes from the platform that it runs on; each entry of the SDK composes one. */

import type { KeySource } from "../connection/key-source";
import type { ManagerOptions } from "../connection/manager-options";
import type { ManagerEvent, ManagerPort } from "../connection/manager-port";
import type { Tracing } from "../messaging/tracing";
import type { TaskScope } from "../messaging/work";
import type { Runtime } from "./runtime";

/** What ends when the process is asked to. */
export interface Endable {
  drain(): Promise<void>;
  stop(): Promise<void>;
}

/** What an agent needs from the platform that it runs on. */
export interface AgentEnvironment {
  runtime: Runtime;
  /** How large a message may be that is sent, with its envelope, in bytes. */
  maxBytes: number;
  /** A new one for each agent. */
  scope: TaskScope;
  key: KeySource;
  createManager(options: ManagerOptions, emit: (event: ManagerEvent) => void): ManagerPort;
  /** Takes the agent's messages into traces. */
  tracing?: Tracing;
  /** Drains the agent when the process is asked to end, and stops it at the second time. Returns a function that ends this. */
  onSignal?(agent: Endable): () => void;
}
