/**
 * What a run leaves behind for its judge: what was done to each agent, what each saw on its own wire, what
 * the gateway took, what the table held, and what the bus told. All times are milliseconds of one clock,
 * which all processes of a run share (`stage/time.ts`), and by which leases are written too.
 */

import type { FaultKind } from "./faults/plan";

/** How an agent came to say nothing more. */
export type DeathKind = "killed" | "stopped" | "cut off";

/** A time in which nothing that an agent sends can reach the gateway. */
export interface Absence {
  kind: DeathKind;
  from: number;
  /** When it could come back; infinite if it never could. */
  until: number;
}

/** A connection as its agent sees it: from the upgrade until the agent closed it, gave it up or was told of its end. */
export interface ClientConnection {
  openedAt: number | null;
  endedAt: number | null;
  heartbeats: { sentAt: number; ackedAt: number }[];
}

/** What the gateway gave to a function: the moments by which leases count. */
export interface SignOfLife {
  kind: "connect" | "heartbeat" | "disconnect";
  agentId: string;
  connectionId: string;
  at: number;
}

export interface AgentEvidence {
  agentId: string;
  /** By the name that the agent gave the connection, and the gateway saw in its request. */
  connections: Map<string, ClientConnection>;
  absences: Absence[];
  /** When its connections were ended by the run, all those that there were. */
  cuts: number[];
  /** Open sockets in its process after it had stopped. */
  socketsLeft: number;
}

/** A row of AgentStatus, as far as it says who is online. */
export interface StoredRow {
  agentId: string;
  status: string;
  leaseExpiresAt: number;
  connectionId: string;
}

/** One reading of the whole table: each row is as it was at some moment between the two. */
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
export interface ToldEvent {
  /** `transitionId` */
  id: string;
  agentId: string;
  status: string;
  toldAt: number;
}

/** How late a process ran: its timers, in the second before `at`. */
export interface Lag {
  at: number;
  ms: number;
}

/** What must not be there any more once every agent has left. */
export interface Leftovers {
  /** Connections that the gateway still has. */
  gatewayConnections: number;
  /** Links that still lead to the gateway. */
  links: number;
  /** Rows that are stored as online. */
  onlineRows: string[];
  /** Subscriptions, with the connection they belong to. */
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
  /** Connections whose `$disconnect` was carried out. */
  released: Set<string>;
  /** Connections of which a `subscribe` was handled until after the handling of their `$disconnect` had begun. */
  crossed: Set<string>;
  gatewayKills: number[];
  looks: Look[];
  changes: StoredChange[];
  told: ToldEvent[];
  lags: Lag[];
  /** The longest delay that the run put on a link. */
  longestDelayMs: number;
  faults: { kind: FaultKind; at: number; what: string }[];
  /** Agents that were not back, in peace, within the time for that. */
  notBack: string[];
  leftovers: Leftovers;
}
