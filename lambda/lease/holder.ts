/** Who holds a lease, and what becomes of those who want one. */

import type { Identity } from "../shared/identity";
import type { Login, Standing } from "./standing";

/** A connection of an agent, as the gateway and the authorizer describe it. */
export type LeaseHolder = Login &
  Pick<Identity, "organizationId" | "agentId" | "leaseMs" | "heartbeatIntervalMs" | "rotation"> &
  Pick<Identity, "registeredUntil" | "ephemeralMs"> & { connectedAt: number; token?: TokenUse };

/**
 * What became of an acquisition. `acquired`, also where the write was repeated; `superseded`: the process has lost
 * to a newer one, and is remembered for it; `duplicate`: refused for another process's sake, and nothing is written;
 * `contended`: others wrote in between time and again, or there are too many connections, or processes within seconds.
 */
export type AcquireOutcome = "acquired" | Exclude<Standing, "holds"> | "duplicate" | "contended";

/** A process that sends heartbeats over HTTP. Its connection stands for it from the request on that acquires its lease. */
export type HttpHolder = LeaseHolder & { token: TokenUse };

/** The use of a token by a request. A process's tokens are accepted in the order in which they were made. */
export interface TokenUse {
  /** When it was made, in epoch milliseconds by the client's clock. */
  issuedAt: number;
  /** The same, so that texts compare as times do. */
  issued: string;
  /** The same with the request that uses it, so that a repeated write is known from a repeated token. */
  used: string;
}

/** A lease as a heartbeat finds or makes it. */
export interface Renewal {
  leaseExpiresAt: number;
  /** The row's, which no write puts back: later than any heartbeat of a process that had the row before. */
  lastHeartbeatAt: number;
}

/**
 * What became of an HTTP heartbeat. `used`: its token, or a later one, was accepted before; `left`: the agent is offline;
 * `connected`: the process can't leave, because a WebSocket of it is open.
 */
export type HttpOutcome = ({ outcome: "renewed" } & Renewal) | { outcome: HttpRefusal | "left" };

export type HttpRefusal = Exclude<AcquireOutcome, "acquired"> | "used" | "connected";
