/**
 * The evidence of a run: what was done to each agent, what each agent saw on its connections, what the gateway received, what
 * the table contained, and what was published. All times are milliseconds of one clock, which all processes of a run share
 * (`stage/time.ts`), and which leases use too.
 */

import type { FaultKind } from "./faults/plan";

/** Why an agent became silent. */
export type DeathKind = "killed" | "stopped" | "cut off";

/** A period in which nothing that an agent sends can reach the gateway. */
export interface Absence {
  kind: DeathKind;
  from: number;
  /** When the agent could reconnect; infinite if never. */
  until: number;
}

/** A connection as its agent sees it: from the handshake until the agent closed it, gave it up or noticed its end. */
export interface ClientConnection {
  openedAt: number | null;
  endedAt: number | null;
  heartbeats: { sentAt: number; ackedAt: number }[];
}

/** An event that the gateway sent to a function, with the time that leases use. */
export interface SignOfLife {
  kind: "connect" | "heartbeat" | "disconnect";
  agentId: string;
  connectionId: string;
  at: number;
}

/** A time in which an agent may not connect, nor send or get anything. */
export interface LockOut {
  agentId: string;
  /** When the call that locks it out began, and when it had returned. */
  begunAt: number;
  from: number;
  /** When the call began that enabled it again. */
  until: number;
  how: string;
}

/** A message that an agent got, and when the run began to send it. */
export interface HeardMessage {
  agentId: string;
  sentAt: number;
  at: number;
}

/** A change of a row that locks its agent out, of which the service has ended the connections and subscriptions. */
export interface Settlement {
  /** The change's, the same each time that the stream is read. */
  id: string;
  agentId: string;
  writtenAt: number;
  at: number;
}

export interface AgentEvidence {
  agentId: string;
  /** By the name that the agent assigned to the connection, and the gateway received in its request. */
  connections: Map<string, ClientConnection>;
  absences: Absence[];
  /** When the run ended all of its connections. */
  cuts: number[];
  /** Sockets open in its process after it had stopped. */
  socketsLeft: number;
}

/** The attributes of a status row that determine who is online. */
export interface StoredRow {
  agentId: string;
  status: string;
  leaseExpiresAt: number;
  connectionId: string;
}

/** One read of the whole table. Each row is as of some time between the two. */
export interface Look {
  begunAt: number;
  endedAt: number;
  rows: Map<string, StoredRow>;
}

/** A change of the stored status, from the table's stream. */
export interface StoredChange {
  id: string;
  agentId: string;
  status: string;
}

/** An event on the bus. */
export interface PublishedEvent {
  /** `transitionId` */
  id: string;
  agentId: string;
  status: string;
  /** The event's own time. */
  at: number;
  /** Whether the sweep has found it. */
  swept: boolean;
  publishedAt: number;
}

/** The delay of a process's timers in the second before `at`. */
export interface Lag {
  at: number;
  ms: number;
}

/** What must be gone after every agent has left. */
export interface Leftovers {
  /** Connections at the gateway. */
  gatewayConnections: number;
  /** Open links to the gateway. */
  links: number;
  /** Rows stored as online. */
  onlineRows: string[];
  /** Subscriptions with their connections. */
  subscriptions: { connectionId: string; ttlEpochSeconds: number | undefined }[];
}

export interface Evidence {
  leaseMs: number;
  startedAt: number;
  endedAt: number;
  agents: Map<string, AgentEvidence>;
  signs: SignOfLife[];
  /** The gateway's connection by the agent's name for it. */
  connectionIds: Map<string, string>;
  /** Connections whose `$disconnect` was handled. */
  released: Set<string>;
  /** Connections whose `subscribe` was still being handled when the handling of their `$disconnect` began. */
  crossed: Set<string>;
  gatewayKills: number[];
  looks: Look[];
  changes: StoredChange[];
  published: PublishedEvent[];
  lags: Lag[];
  /** The longest delay injected on a link. */
  longestDelayMs: number;
  faults: { kind: FaultKind; at: number; what: string }[];
  lockOuts: LockOut[];
  settlements: Settlement[];
  /** How many messages the run has sent to agents that were not locked out. */
  messages: { admitted: number };
  heard: HeardMessage[];
  /** How many heartbeats over HTTP were acknowledged. */
  ackedOverHttp: number;
  /** Agents with two processes that both continued after an older one had returned. */
  notSuperseded: string[];
  /** Agents that were superseded although there was no newer process. */
  supersededByNobody: string[];
  /** Agents that did not reconnect after the last fault, and what became of them. */
  notBack: string[];
  leftovers: Leftovers;
}
