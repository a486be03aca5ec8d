/** What an agent takes from the platform that it runs on; each entry of the SDK composes one. */

import type { KeySource } from "../connection/key-source";
import type { ManagerOptions } from "../connection/manager-options";
import type { ManagerEvent, ManagerPort } from "../connection/manager-port";
import type { TaskScope } from "../messaging/work";
import type { Runtime } from "./runtime";

/** What an agent needs from the platform that it runs on. */
export interface AgentEnvironment {
  runtime: Runtime;
  /** How large a message may be that is sent, with its envelope, in bytes. */
  maxMessageBytes: number;
  /** A new one for each agent; none where the platform can't tell what a call belongs to. */
  taskScope?: TaskScope;
  key: KeySource;
  createManager(options: ManagerOptions, emit: (event: ManagerEvent) => void): ManagerPort;
  /** Calls back when the process is asked to end. Returns a function that takes the callback away. */
  onSignal?(callback: () => void): () => void;
}
