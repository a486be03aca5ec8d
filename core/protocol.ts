/**
 * The messages of the wire protocol, in both directions.
 *
 * Mirrors `docs/protocol.md`; a test keeps the two equal. Durations ending in `Ms` are milliseconds,
 * times ending in `At` are epoch milliseconds by the server's clock.
 */

import type {
  Activity,
  AgentPresence,
  MassExpiry,
  OnlineCount,
  Status,
  TransitionRecord,
} from "./presence";

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
  /** Only one member of the group gets each message. In the form of an id. Only for agents. @default none */
  group?: string;
}

/** Ends a subscription. Answered with `unsubscribed`, even if there was none. */
export interface UnsubscribeMessage extends ClientMessageBase {
  type: "unsubscribe";
  subject: string;
  /** The group of the subscription. */
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
   * Sends the message only to one agent that has this capability, whether it is subscribed or not. The agent must be
   * online, and not draining, blocked or stalled. 1 to 64 characters. Not together with `to`.
   *
   * @minLength 1
   * @maxLength 64
   */
  capability?: string;
  /** Subject under `_inbox.<sender>` on which the sender waits for a reply. */
  replyTo?: string;
  /**
   * How long the sender waits for a reply, in milliseconds: 1 to 86400000. If the message goes to a single agent (by `to`,
   * by `capability`, or to the member of one group) and that agent is lost within this time, the service replies with the
   * error `receiver_lost`.
   *
   * @asType integer
   * @minimum 1
   * @maximum 86400000
   */
  expiresInMs?: number;
  /**
   * Which attempt of a request this is, starting at 1. All attempts with the same `replyTo` are delivered with the same
   * `messageId`.
   *
   * @asType integer
   * @minimum 1
   * @maximum 1000
   */
  attempt?: number;
  /**
   * The sender's trace context, as the W3C recommendation defines it: version, trace id, parent id and flags, 55
   * characters in lower case.
   *
   * @minLength 55
   * @maxLength 55
   */
  traceparent?: string;
  /**
   * What tracing systems add to `traceparent`, as the W3C recommendation defines it. Delivered only with a `traceparent`.
   * At most 512 characters.
   *
   * @maxLength 512
   */
  tracestate?: string;
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
   * The time of the lease's last renewal: greater than in any ack to an earlier process of the agent. Absent if it equals
   * `serverTime`. They may differ because the service's clocks do.
   */
  fencingToken?: number;
  /** The interval in seconds that the server requires, if it differs from the requested one. */
  heartbeatInterval?: number;
  /**
   * The time over which the whole fleet should reconnect after it loses its connections, in milliseconds, computed when
   * this connection opened. Absent for small fleets.
   */
  reconnectWindowMs?: number;
}

/**
 * A page of agents, ordered by id. It may have fewer agents than requested, or none, and still have a cursor: if only a few
 * of very many agents match, or if more would not fit into a message.
 */
export interface AgentsMessage extends ServerMessageBase {
  type: "agents";
  agents: AgentPresence[];
  /** Send it to get the next page; null on the last one. */
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

/**
 * A published message, delivered at most once per connection. Only a message from the event bus may be delivered again,
 * with the same id.
 */
export interface DeliveryMessage {
  type: "message";
  /**
   * The same on every connection that receives the message, in every attempt of a request, and if an event of the bus is
   * delivered again. Each group's copy has its own id.
   */
  messageId: string;
  /** The group that the message was delivered to. Absent for a subscription without a group. */
  group?: string;
  /**
   * Present if it was sent only to this agent, by `to` or `capability`: it is for all handlers of the subject, whatever
   * their group.
   */
  direct?: true;
  subject: string;
  data: unknown;
  /** The publishing agent; `service` for the service itself; `event:<source>` for the event bus. */
  from: string;
  /** Subject on which the publisher waits for a reply. */
  replyTo?: string;
  /** How long the publisher waits for the reply, in milliseconds since it sent the message. */
  expiresInMs?: number;
  /** Which attempt of a request this is, starting at 1. An earlier one may have been handled: see `messageId`. */
  attempt?: number;
  /** The trace context of the publisher, if it sent one. */
  traceparent?: string;
  /** What tracing systems add to `traceparent`. */
  tracestate?: string;
}

/** An agent's last transitions, or the organization's counts. */
export interface HistoryReplyMessage extends ServerMessageBase {
  type: "history";
  /** Absent if none was requested. */
  agentId?: string;
  /** Newest first, kept for 30 days. Empty without an agent. */
  transitions: TransitionRecord[];
  /** Without an agent: the counts of the last day's sweeps, at most one every four minutes, oldest first. */
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
