/**
 * What readers learn of agents: their status, what they do, how they changed, and how many are online. Times ending in `At` are
 * epoch milliseconds by the server's clock.
 */

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
 * - `failed`: the job reported that its run failed.
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
