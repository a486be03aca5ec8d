/** Roles of keys, and what each may send. */

import type { ClientMessage } from "./protocol";

/** What a connection may do: see `PERMISSIONS`. A `job` has a ping URL, and no connection. */
export type Role = "agent" | "viewer" | "publisher" | "job";

/** Every role that connects, in the order in which the documentation lists them. */
export const ROLES = ["agent", "viewer", "publisher"] as const satisfies readonly Role[];

/** Every type of message that a client sends: a route of the gateway each. */
export const MESSAGE_TYPES = [
  "heartbeat",
  "heartbeat_quiet",
  "profile",
  "subscribe",
  "unsubscribe",
  "publish",
  "list",
  "history",
] as const satisfies readonly ClientMessage["type"][];

/** The messages that each role may send. */
export const PERMISSIONS: Readonly<Record<Role, readonly ClientMessage["type"][]>> = {
  agent: MESSAGE_TYPES,
  viewer: ["heartbeat", "heartbeat_quiet", "subscribe", "unsubscribe", "list", "history"],
  publisher: ["heartbeat", "heartbeat_quiet", "publish"],
  job: [],
};
