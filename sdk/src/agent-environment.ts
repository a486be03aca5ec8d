/** What an agent takes from the platform that it runs on; each entry of the SDK composes one. */

import type { SigningKey } from "./keys";
import type { LinkOptions } from "./link-options";
import type { LinkEvent, LinkPort } from "./link-port";
import type { TaskScope } from "./messaging/work";
import type { Runtime } from "./runtime";

/** What an agent needs from the platform that it runs on. */
export interface AgentEnvironment {
  runtime: Runtime;
  /** How large a message may be that is sent, with its envelope, in bytes. */
  maxMessageBytes: number;
  /** A new one for each agent; none where the platform can't tell what a call belongs to. */
  taskScope?: TaskScope;
  loadKey(): Promise<SigningKey>;
  createLink(options: LinkOptions, emit: (event: LinkEvent) => void): LinkPort;
  /** Calls back when the process is asked to end. Returns a function that takes the callback away. */
  onSignal?(callback: () => void): () => void;
}
