/** What the two threads of an agent tell each other. */

import type { MessagePort } from "node:worker_threads";
import type { ServerFrame } from "../connection";
import type { LinkHealth } from "../health";
import type { LinkOptions } from "../link-options";
import type { LinkEvent, StopCause } from "../link-port";
import type { Activity } from "../protocol";

/** A call of the link, from the agent's thread. */
export type ToLink =
  | { call: "start" }
  | { call: "drain" }
  | { call: "stop"; cause: StopCause }
  | { call: "send"; message: ServerFrame }
  | { call: "setSubscriptions"; patterns: readonly string[] }
  | { call: "setActivity"; activity: Activity };

/** An event of the link, and how the link stood right after it. */
export interface FromLink {
  event: LinkEvent;
  health: LinkHealth;
}

/** What the heartbeat thread is started with. */
export interface ThreadStart {
  options: LinkOptions;
  port: MessagePort;
  /** One number: when the agent's event loop last came round, by the monotonic clock. */
  pulse: Float64Array;
}

/** How often the agent's event loop reports that it runs. */
export const PULSE_MS = 1_000;
