/** The messages to and from the hostile tenant's process. */

import type { SentKey } from "../../bench/throughput/agents";

export const HOSTILE_ORGANIZATION = "hostile";

export interface HostileOrder {
  url: string;
  /** Of requests over HTTP. */
  httpUrl: string;
  key: SentKey;
  attack: Attack;
}

export interface HostileResult {
  /** Messages and requests sent, logins tried included. */
  sent: number;
  /** Answers that are no errors, and messages of subscriptions. */
  served: number;
  /** Errors of the service and of the gateway, and logins and requests that were refused. */
  refused: number;
  /** Connections that were ended from the other side. */
  closed: number;
}

/** What the tenant does at once. */
export interface Attack {
  /** Messages a second, each kind on one connection. */
  messages: Record<Flood, number>;
  /** Requests a second over HTTP, by kind. */
  requests: Record<HttpFlood, number>;
  /** Agents a second that connect and disconnect. */
  logins: number;
  /** Logins a second with a forged token. */
  forgedLogins: number;
  /** Agents that fall silent at once, again and again. */
  silent: number;
}

/** Longer than their lease. */
export const SILENT_FOR_MS = 15_000;
/** Within their lease, so that all are online when they fall silent. */
export const SILENT_COME_WITHIN_MS = 4000;

/** Registered for the tenant: one for each flood, one that reconnects repeatedly, a viewer, and those that fall silent. */
export const FLOODS = ["list", "history", "publish", "subscribe", "garbage", "heartbeat"] as const;
export type Flood = (typeof FLOODS)[number];

/** Heartbeats of an agent of the tenant's, and requests with tokens and secrets that are good for nothing. */
export const HTTP_FLOODS = ["heartbeat", "forgedHeartbeat", "ping", "enrolment"] as const;
export type HttpFlood = (typeof HTTP_FLOODS)[number];

export const nameOf = {
  flood: (flood: Flood) => `flood-${flood}`,
  http: "flood-http",
  flapping: "flapping",
  viewer: "viewer",
  silent: (index: number) => `silent-${index}`,
};
