/** The limits of the protocol: sizes, numbers and rates. Durations ending in `Ms` are milliseconds. */

import type { ClientMessage } from "./protocol";

/** Limits of the service and of API Gateway's WebSocket APIs. */
export const LIMITS = {
  /** Largest message in either direction, in bytes. */
  messageBytes: 128 * 1024,
  /** Largest frame, in bytes; a longer message travels in several. */
  frameBytes: 32 * 1024,
  /** API Gateway closes a connection without traffic after this long (close code 1001). */
  idleTimeoutMs: 10 * 60_000,
  /** API Gateway closes every connection at this age (close code 1001). */
  connectionDurationMs: 2 * 60 * 60_000,
  /** Longest `agentId` and `organizationId`, in characters. */
  idLength: 128,
  /** Longest `instance_id`, in characters. */
  instanceIdLength: 64,
  /** Longest `id` of a message, in characters. */
  messageIdLength: 64,
  /** Largest page of a list, in agents. */
  listPageSize: 100,
  /** Largest page of a list, in bytes of its agents as JSON. */
  listPageBytes: 120 * 1024,
  /** Longest text inside an `activity`, in characters. */
  activityTextLength: 64,
  /** Longest subject or pattern, in characters. */
  subjectLength: 256,
  /** Most tokens of a subject or pattern. */
  subjectTokens: 16,
  /** Largest profile: capabilities and metadata as JSON, in bytes. */
  profileBytes: 4096,
  /** Transitions stored for each agent. */
  historyLength: 50,
  /** Most subscriptions of a connection. */
  subscriptions: 500,
  /** Most subscriptions of an agent, on all its connections. */
  subscriptionsOfAgent: 1000,
  /** Most subscriptions of an agent to one subject, and to patterns with the same first token. */
  subscriptionsAtAddress: 200,
  /** Most subscriptions with a group of an agent to one subject, and to patterns with the same first token. */
  groupsAtAddress: 50,
  /** Most subscriptions that a published message reads: to its subject, and to either kind of pattern. */
  subscriptionsRead: 5000,
  /** Most groups that a published message goes to. */
  groups: 500,
  /** Most members of a group, or agents with a capability, whose status a published message reads before it gives up. */
  membersTried: 10,
  /** Most levels of objects and arrays in a message. */
  nesting: 64,
  /** Most capabilities of an agent. */
  capabilities: 50,
  /** The longest that a request may wait for its answer. */
  requestMs: 86_400_000,
  /** Most attempts of a request. */
  attempts: 1000,
  /** How long a superseded process may still answer earlier requests. */
  supersededGraceMs: 30_000,
} as const;

/** Defaults and bounds of the heartbeat, in the units that a person types: seconds. */
export const HEARTBEAT = {
  defaultIntervalSeconds: 30,
  minIntervalSeconds: 5,
  /** Below API Gateway's idle timeout of 10 minutes, with a minute to spare. */
  maxIntervalSeconds: 9 * 60,
  defaultTimeoutMultiplier: 3.0,
  minTimeoutMultiplier: 1.5,
  maxTimeoutMultiplier: 20,
} as const;

/**
 * How often a client that sends heartbeats over HTTP sends one on its WebSocket, at least: so that API Gateway does not
 * close an idle WebSocket, and the client notices a dead one.
 */
export const QUIET_WEBSOCKET_SECONDS = 5 * 60;

/** A rate limit: `burst` at once, then `perSecond`. */
export interface Rate {
  perSecond: number;
  burst: number;
}

/**
 * How often an agent may send each type of message, over all its connections: `burst` in the time in which `perSecond`
 * allows as many. Heartbeats, and anything that is not a message of the protocol, are counted for each connection, and
 * by each container of the service separately: every connection can rely on these rates, but may get more.
 */
export const RATES: Readonly<Record<ClientMessage["type"], Rate>> = {
  heartbeat: { perSecond: 1, burst: 50 },
  heartbeat_quiet: { perSecond: 1, burst: 50 },
  profile: { perSecond: 1, burst: 50 },
  subscribe: { perSecond: 20, burst: 500 },
  unsubscribe: { perSecond: 20, burst: 500 },
  publish: { perSecond: 100, burst: 500 },
  list: { perSecond: 20, burst: 400 },
  history: { perSecond: 20, burst: 100 },
};

/** How often a connection may send anything that is not a message of the protocol. */
export const UNKNOWN_RATE: Rate = { perSecond: 1, burst: 50 };
