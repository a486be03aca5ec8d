/**
 * The types of the wire protocol: every message, limit and name that client and server share.
 *
 * Mirrors `docs/protocol.md`; a test keeps the two equal. Durations ending in `Ms` are milliseconds,
 * times ending in `At` are epoch milliseconds by the server's clock.
 *
 * @module @agent-heartbeat/sdk/protocol
 */

import { SUBJECT_LIMITS } from "./subject";

export {
  agentToken,
  isPattern,
  isSubject,
  matchesSubject,
  PATTERN_FORM,
  SUBJECT_FORM,
} from "./subject";

/** The WebSocket subprotocol that the server selects. The second one offered is the login token. */
export const SUBPROTOCOL = "agent-heartbeat.v1";

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
  subjectLength: SUBJECT_LIMITS.length,
  /** Most tokens of a subject or pattern. */
  subjectTokens: SUBJECT_LIMITS.tokens,
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
 * The longest that the WebSocket of a client with heartbeats over HTTP carries none: for API Gateway not to end it, and for one
 * that is dead to be noticed.
 */
export const QUIET_WEBSOCKET_SECONDS = 5 * 60;

/** The form of `agentId` and `organizationId`. */
export const ID_PATTERN = /^[\w-][\w.@:/+=%-]{0,127}$/;

/** What an id looks like, for error messages. */
export const ID_FORM =
  "1 to 128 letters, digits or _-.@:/+=%, the first one a letter, a digit, _ or -";

/** What a connection may do: see `PERMISSIONS`. A `job` has a ping URL, and no connection. */
export type Role = "agent" | "viewer" | "publisher" | "job";

/** Every role that connects, in the order in which the documentation lists them. */
export const ROLES = ["agent", "viewer", "publisher"] as const satisfies readonly Role[];

/** Stored and derived status of an agent. */
export type Status = "online" | "offline";

/**
 * Why an agent is offline.
 *
 * - `client_closed`: the agent closed its connection (code 1000, 1001 or none).
 * - `connection_lost`: the connection broke without a close.
 * - `gateway_closed`: API Gateway ended the connection (idle, two hours, restart).
 * - `lease_expired`: no heartbeat arrived within the lease.
 * - `drained`: the agent finished its work and left.
 * - `failed`: the job said that its run has failed.
 * - `revoked`: the agent was disabled, or removed from the registry.
 */
export type OfflineReason =
  | "client_closed"
  | "connection_lost"
  | "gateway_closed"
  | "lease_expired"
  | "drained"
  | "failed"
  | "revoked";

/** What to do when another process connects with the same agent id: see `docs/protocol.md`. */
export type DuplicatePolicy = "replace" | "reject";

/** What an agent is doing, as reported in its heartbeats. This costs no additional write. */
export interface Activity {
  state: "idle" | "working" | "blocked" | "draining";
  /**
   * What it works on: usually the subject of the message being handled. At most 64 characters.
   *
   * @maxLength 64
   */
  task?: string;
  /**
   * When this work began. A whole number.
   *
   * @asType integer
   * @minimum 0
   */
  startedAt?: number;
  /**
   * When the work last made progress. A whole number.
   *
   * @asType integer
   * @minimum 0
   */
  progressAt?: number;
  /**
   * How long the work may go without progress, in milliseconds, before the agent reads as stalled. A whole number up to a
   * billion.
   *
   * @asType integer
   * @minimum 0
   * @maximum 1000000000
   */
  maxSilenceMs?: number;
  /**
   * The agent's last progress note. At most 64 characters.
   *
   * @maxLength 64
   */
  note?: string;
  /**
   * Messages being handled. A whole number up to a billion.
   *
   * @asType integer
   * @minimum 0
   * @maximum 1000000000
   */
  inFlight?: number;
  /**
   * How late the agent's event loop ran when last measured. A whole number up to a billion.
   *
   * @asType integer
   * @minimum 0
   * @maximum 1000000000
   */
  eventLoopLagMs?: number;
}

/** One agent as a reader sees it: the derived status, never the stored one. */
export interface AgentPresence {
  agentId: string;
  status: Status;
  /** Why the agent is offline; null while it is online. */
  reason: OfflineReason | null;
  /** When the current status began. */
  since: number;
  /** When the gateway accepted the agent's most recently active connection. */
  connectedAt: number;
  /** The agent's most recently active connection. */
  connectionId: string;
  /** The process of the agent; a new value at every start of the SDK. */
  instanceId: string;
  lastHeartbeatAt: number;
  /** The agent is offline from this time on unless another heartbeat arrives. */
  leaseExpiresAt: number;
  leaseMs: number;
  heartbeatIntervalMs: number;
  activity: Activity | null;
  /** When the work stalled; null if it has not. */
  stalledSince: number | null;
  /** Only if requested. */
  profile?: Profile | null;
}

/**
 * Self-preservation: so many agents fell silent at once that the service suspects a fault of its own and withholds offline
 * events. The derived status is not affected.
 */
export interface MassExpiry {
  suspectedAt: number;
  /** The first sweep after this time publishes the events of agents that are still silent. */
  heldUntil: number;
}

/** Information that an agent publishes about itself. Stored in the registry, at most 4 KB as JSON. */
export interface Profile {
  /** What the agent can do: at most 50 entries of at most 64 characters. */
  capabilities: string[];
  /** Additional information: plain JSON. */
  metadata: Record<string, unknown>;
}

/** How many of an organization's agents were online at a sweep. */
export interface OnlineCount {
  at: number;
  /** Online by their derived status. */
  online: number;
  /** Of these, whose work had stalled. */
  stalled: number;
  /** Of these, whose heartbeat was late by a quarter of its interval or more. */
  overdue: number;
}

/** What changed about an agent. */
export type TransitionEvent = "online" | "offline" | "stalled" | "recovered" | "draining";

/**
 * A change of an agent: the `detail` of an event on the bus, and the `data` of a message on
 * `presence.<token>`. The inherited fields are the agent's presence, as a reader would see it.
 */
export interface Transition extends Omit<AgentPresence, "reason" | "profile"> {
  /** The same for every delivery of the same transition. */
  transitionId: string;
  organizationId: string;
  event: TransitionEvent;
  /** Null if the agent was not known before. */
  previousStatus: Status | null;
  /**
   * `offline`: why. `online`: `connected`, or `revived` by a heartbeat after its lease had expired.
   * `stalled`: `no_progress`. `recovered`: `progress`. `draining`: `drain_started`.
   */
  reason: OfflineReason | "connected" | "revived" | "no_progress" | "progress" | "drain_started";
  /** When it happened, not when it was detected. */
  at: number;
}

/** The part of a transition that is stored. */
export type TransitionRecord = Pick<
  Transition,
  "transitionId" | "event" | "reason" | "at" | "connectionId" | "instanceId"
>;

interface ClientMessageBase {
  /**
   * Echoed in the reply. At most 64 characters.
   *
   * @maxLength 64
   */
  id?: string;
}

/** Renews the lease. Answered with `heartbeat_ack` or `superseded`. */
export interface HeartbeatMessage extends ClientMessageBase {
  type: "heartbeat";
  activity?: Activity;
}

/**
 * Renews the lease as `heartbeat` does, without an ack. Only an `error` or `superseded` is sent back. It is a separate type
 * because its route has no response: for a response without a body, API Gateway may send and bill an empty frame. Clients
 * ignore empty frames.
 */
export interface QuietHeartbeatMessage extends ClientMessageBase {
  type: "heartbeat_quiet";
  activity?: Activity;
}

/** Requests a page of the organization's agents. Answered with `agents`. */
export interface ListMessage extends ClientMessageBase {
  type: "list";
  /** Only agents of this derived status. */
  status?: Status;
  /** End of the previous page; null or absent for the first page. */
  cursor?: string | null;
  /**
   * Agents per page at most, 1 to 100.
   *
   * @default 100
   * @asType integer
   * @minimum 1
   * @maximum 100
   */
  limit?: number;
  /** Whether to include each agent's profile. @default false */
  profiles?: boolean;
}

/**
 * Requests the last transitions of an agent, at most 50, or how many agents of the organization were online within the last
 * day. Answered with `history`.
 */
export interface HistoryMessage extends ClientMessageBase {
  type: "history";
  /** Without one, the reply has the organization's counts. */
  agentId?: string;
}

/** Replaces the sender's profile. Answered with `profile_ack`. */
export interface ProfileMessage extends ClientMessageBase {
  type: "profile";
  /** @default [] */
  capabilities?: string[];
  /** @default {} */
  metadata?: Record<string, unknown>;
}

/** Subscribes to a subject, or to all subjects of a pattern. Answered with `subscribed`. */
export interface SubscribeMessage extends ClientMessageBase {
  type: "subscribe";
  subject: string;
  /** Of the group's members, one gets each message. In the form of an id. Only for agents. @default none */
  group?: string;
}

/** Ends a subscription. Answered with `unsubscribed`, even if there was none. */
export interface UnsubscribeMessage extends ClientMessageBase {
  type: "unsubscribe";
  subject: string;
  /** The group that it was subscribed with. */
  group?: string;
}

/** Sends a message to the connected subscribers of the organization, or to one agent. Answered with `published`. */
export interface PublishMessage extends ClientMessageBase {
  type: "publish";
  /** Required without `to` and `capability`. @default "direct" */
  subject?: string;
  /** Any JSON. @default null */
  data?: unknown;
  /** Sends the message only to this agent, whether it is subscribed or not. */
  to?: string;
  /**
   * Sends the message only to one agent that has this capability, whether it is subscribed or not: one that is online, and not
   * draining, blocked or stalled. 1 to 64 characters. Not together with `to`.
   *
   * @minLength 1
   * @maxLength 64
   */
  capability?: string;
  /** Subject under `_inbox.<sender>` on which the sender waits for a reply. */
  replyTo?: string;
  /**
   * How long the sender waits for a reply, in milliseconds: 1 to 86400000. If the message goes to one agent alone, by `to`, by
   * `capability` or as to a member of a group, and that agent is lost within this time, the service replies with the error `receiver_lost`.
   *
   * @asType integer
   * @minimum 1
   * @maximum 86400000
   */
  expiresInMs?: number;
  /**
   * Which attempt of a request it is, from 1 on. All attempts with the same `replyTo` are delivered with the same `messageId`.
   *
   * @asType integer
   * @minimum 1
   * @maximum 1000
   */
  attempt?: number;
}

/** Any message that a client sends. */
export type ClientMessage =
  | HeartbeatMessage
  | QuietHeartbeatMessage
  | ProfileMessage
  | SubscribeMessage
  | UnsubscribeMessage
  | PublishMessage
  | ListMessage
  | HistoryMessage;

interface ServerMessageBase {
  /** The `id` of the message that this one answers, if it had one. */
  id?: string;
}

/** The lease was renewed. */
export interface HeartbeatAckMessage extends ServerMessageBase {
  type: "heartbeat_ack";
  serverTime: number;
  leaseExpiresAt: number;
  /**
   * The time of the lease's last renewal, which is greater than in any ack to a process that had the agent id before. Absent if it is
   * `serverTime`: clocks of the service may differ.
   */
  fencingToken?: number;
  /** The interval in seconds that the server requires, if it differs from the requested one. */
  heartbeatInterval?: number;
  /**
   * The time over which the whole fleet should reconnect after it has lost its connections, in milliseconds, as of when this
   * connection was made. Absent for small fleets.
   */
  reconnectWindowMs?: number;
}

/**
 * A page of agents, in the order of their ids. It may have fewer of them than were asked for, or none, and a cursor all
 * the same: where few of very many match, and where they would not fit into a message.
 */
export interface AgentsMessage extends ServerMessageBase {
  type: "agents";
  agents: AgentPresence[];
  /** Pass it on to get the next page; null on the last one. */
  cursor: string | null;
  serverTime: number;
  /** On a first page, while self-preservation withholds offline events. */
  massExpiry?: MassExpiry;
}

/** The profile is stored. */
export interface ProfileAckMessage extends ServerMessageBase {
  type: "profile_ack";
}

/** The subscription is active. Later messages are delivered. */
export interface SubscribedMessage extends ServerMessageBase {
  type: "subscribed";
  subject: string;
}

/** The subscription has ended. No more messages are delivered for it. */
export interface UnsubscribedMessage extends ServerMessageBase {
  type: "unsubscribed";
  subject: string;
}

/** The gateway accepted the message for every process it reached. */
export interface PublishedMessage extends ServerMessageBase {
  type: "published";
  subject: string;
  /** How many processes the message was delivered to: those that subscribe without a group, and one of each group. */
  reached: number;
  /** Present if there were more subscribers than one message can reach. */
  incomplete?: true;
}

/** A published message. Delivered at most once per connection; one from the event bus possibly again, with the same id. */
export interface DeliveryMessage {
  type: "message";
  /**
   * The same on every connection that receives the message, in every attempt of a request, and if an event of the bus is
   * delivered again. What a group gets has an id of its own.
   */
  messageId: string;
  /** The group whose member gets it. Absent for what comes by a subscription without a group. */
  group?: string;
  /** Present if it was sent to this agent alone, by `to` or `capability`: it is for all handlers of the subject, of whatever group. */
  direct?: true;
  subject: string;
  data: unknown;
  /** The publishing agent; `service` for the service itself; `event:<source>` for the event bus. */
  from: string;
  /** Subject on which the publisher waits for a reply. */
  replyTo?: string;
  /** How long the publisher waits for it, in milliseconds from when the message was sent. */
  expiresInMs?: number;
  /** Which attempt of a request it is, from 1 on. An earlier one may have been handled: see `messageId`. */
  attempt?: number;
}

/** An agent's last transitions, or the organization's counts. */
export interface HistoryReplyMessage extends ServerMessageBase {
  type: "history";
  /** Absent if none was requested. */
  agentId?: string;
  /** Newest first, kept for 30 days. Empty without an agent. */
  transitions: TransitionRecord[];
  /** Without an agent: of each sweep of the last day, oldest first, at most one every four minutes. */
  counts?: OnlineCount[];
}

/**
 * A newer process of the same agent holds the lease. No new messages are delivered. Replies to earlier requests may be
 * published for `supersededGraceMs`; then the connection is closed.
 */
export interface SupersededMessage extends ServerMessageBase {
  type: "superseded";
}

/** Describes what was wrong with a message. The connection stays open unless `code` is `revoked`. */
export interface ErrorMessage extends ServerMessageBase {
  type: "error";
  code: ErrorCode;
  /** One sentence with the expected and the actual value. */
  message: string;
}

/**
 * The `code` of an `error`.
 *
 * - `invalid_json`: the frame is not a JSON object.
 * - `invalid_message`: a field is missing or of the wrong type.
 * - `unknown_type`: there is no message of this type.
 * - `forbidden`: not allowed for the connection's role, or for the subject.
 * - `rate_limited`: the agent or the connection exceeded a rate, or its number of subscriptions.
 * - `revoked`: the agent was disabled or removed; the connection is closed.
 * - `internal`: the service failed; the client may send the message again.
 */
export type ErrorCode =
  | "invalid_json"
  | "invalid_message"
  | "unknown_type"
  | "forbidden"
  | "rate_limited"
  | "revoked"
  | "internal";

/** Any message that the server sends. */
export type ServerMessage =
  | HeartbeatAckMessage
  | ProfileAckMessage
  | SubscribedMessage
  | UnsubscribedMessage
  | PublishedMessage
  | DeliveryMessage
  | AgentsMessage
  | HistoryReplyMessage
  | SupersededMessage
  | ErrorMessage;

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

/** The messages that each role may send. */
export const PERMISSIONS: Readonly<Record<Role, readonly ClientMessage["type"][]>> = {
  agent: [
    "heartbeat",
    "heartbeat_quiet",
    "profile",
    "subscribe",
    "unsubscribe",
    "publish",
    "list",
    "history",
  ],
  viewer: ["heartbeat", "heartbeat_quiet", "subscribe", "unsubscribe", "list", "history"],
  publisher: ["heartbeat", "heartbeat_quiet", "publish"],
  job: [],
};

/** First tokens of reserved subjects. A pattern that begins with a wildcard matches none of them. */
export const RESERVED = {
  /** `presence.<token>`: the agent's transitions, published only by the service. */
  presence: "presence",
  /** `_inbox.<token>.<...>`: replies to the agent's requests. Nobody can subscribe to them. */
  inbox: "_inbox",
} as const;

/** The `from` of the service's own messages. */
export const SERVICE_SENDER = "service";

/** How the `from` of a message from the event bus begins. */
export const EVENT_SENDER_PREFIX = "event:";

/** Whether an agent of this id would be taken for another sender. It can't be registered, nor connect. */
export const isReservedAgentId = (agentId: string): boolean =>
  agentId === SERVICE_SENDER || agentId.startsWith(EVENT_SENDER_PREFIX);

/** Which agent ids are reserved, for error messages. */
export const RESERVED_ID_FORM = `an id other than ${SERVICE_SENDER} and ${EVENT_SENDER_PREFIX}...`;

/** The subject of a message to one agent that names no subject. */
export const DIRECT_SUBJECT = "direct";

/** Claims of the login token, a JWT of at most 60 seconds. Durations are in seconds. */
export interface LoginClaims {
  /** The agent id, the same as `sub`. */
  iss: string;
  sub: string;
  /** The organization id. */
  org: string;
  /** `audienceOf(url)`: `wss://host/stage`. */
  aud: string;
  /** When the token was made, in seconds since 1970. Fractions are allowed. */
  iat: number;
  /** When it ends: at most 60 seconds after `iat`. */
  exp: number;
  /**
   * Unique: a token is accepted once. 1 to 64 characters.
   *
   * @minLength 1
   * @maxLength 64
   */
  jti: string;
  /**
   * In seconds, above 0. Fractions are allowed.
   *
   * @default the deployment's: 30 unless set otherwise
   * @exclusiveMinimum 0
   * @maximum 1000000000
   */
  heartbeat_interval?: number;
  /**
   * In seconds, above 0: how long the agent counts as online without a heartbeat. It is kept between 1.5 and 20 intervals.
   *
   * @default heartbeat_interval x the deployment's multiplier: 3.0 unless set otherwise
   * @exclusiveMinimum 0
   * @maximum 1000000000
   */
  heartbeat_timeout?: number;
  /**
   * The process. Any 1 to 64 characters; the same for all connections of a process, and another one after a restart.
   *
   * @minLength 1
   * @maxLength 64
   */
  instance_id: string;
  /** @default "replace" */
  on_duplicate?: DuplicatePolicy;
  /**
   * Whether the process has another connection open, which this one will replace. Without it, the new connection replaces all
   * connections of the process.
   *
   * @default false
   */
  rotation?: boolean;
  /**
   * Whether the client only watches. An agent's key is refused then (422), because the connection would take the agent's lease.
   *
   * @default false
   */
  watches?: boolean;
}

/** What answers the handshake of a watcher that has an agent's key. */
export const AGENT_WATCHES_STATUS = 422;

/** How long a login token is valid, in seconds. */
export const LOGIN_TOKEN_TTL_SECONDS = 60;

/**
 * The `aud` of a login token for a WebSocket URL: always `wss://`, host and path, without query and trailing slash, so that
 * client and server compute the same text for either scheme.
 *
 * @throws TypeError if `url` is not a URL.
 */
export function audienceOf(url: string): string {
  const { host, pathname } = new URL(url);
  // Each scheme has its own default port; neither is part of the audience.
  return `wss://${new URL(`wss://${host}`).host}${pathname.replace(/\/+$/, "")}`;
}
