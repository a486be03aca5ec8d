/** The messages between the two threads of an agent. */

import type { MessagePort } from "node:worker_threads";
import type { Activity } from "../../../../core/presence";
import type { ClientMessage } from "../../../../core/protocol";
import type { ManagerHealth } from "../../connection/health";
import type { SigningKey } from "../../connection/keys";
import type { ManagerOptions } from "../../connection/manager-options";
import type { ManagerEvent, StopCause } from "../../connection/manager-port";
import type { EnrolmentRefusedError } from "../enrolment-refusal";

/** A call of the connection manager, from the agent's thread. */
export type ToManager =
  | { call: "start" }
  | { call: "drain" }
  | { call: "reconnect" }
  | { call: "stop"; cause: StopCause }
  | { call: "send"; message: ClientMessage }
  | { call: "setSubscriptions"; patterns: readonly string[] }
  | { call: "setActivity"; activity: Activity }
  /** Answers `wantsKey`. */
  | { call: "key"; key: SigningKey }
  | { call: "key"; failed: string; refusal?: KeyRefusal };

/** What the thread needs to know of an `EnrolmentRefusedError`, beside its message. */
export type KeyRefusal = Pick<EnrolmentRefusedError, "status" | "reason" | "retryAfterMs">;

/** An event of the connection manager, and its health right after it. */
export interface EventFromManager {
  event: ManagerEvent;
  health: ManagerHealth;
}

/** What the connection manager sends to the agent's thread: where the key comes from, and where warnings go, is known there alone. */
export type FromManager = EventFromManager | { wantsKey: true } | { warning: string };

/** What the heartbeat thread is started with. */
export interface ThreadStart {
  options: Omit<ManagerOptions, "loadKey">;
  port: MessagePort;
  /** One number: when the agent's event loop last came round, by the monotonic clock. */
  pulse: Float64Array;
}

/** How often the agent's event loop reports that it runs. */
export const PULSE_MS = 1_000;
