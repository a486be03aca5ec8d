/** What the hostile tenant's process is told, and what it says in the end. */

import type { SentKey } from "../../bench/throughput/agents";

export const HOSTILE_ORGANIZATION = "hostile";

export interface HostileOrder {
  url: string;
  key: SentKey;
  /** Agents that fall silent at once, again and again. */
  silent: number;
}

export interface HostileResult {
  /** Messages sent, logins tried included. */
  sent: number;
  /** Answers that are no errors, and messages of subscriptions. */
  served: number;
  /** Errors of the service and of the gateway, and logins that were refused. */
  refused: number;
  /** Connections that were ended from the other side. */
  closed: number;
}

/** Registered for the tenant: one a flood, one that comes and goes, a viewer, and those that fall silent. */
export const FLOODS = ["list", "history", "publish", "subscribe", "garbage", "heartbeat"] as const;
export type Flood = (typeof FLOODS)[number];

export const nameOf = {
  flood: (flood: Flood) => `flood-${flood}`,
  flapping: "flapping",
  viewer: "viewer",
  silent: (index: number) => `silent-${index}`,
};
