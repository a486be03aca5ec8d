/**
 * The identity of a connection's client. The authorizer determines it at `$connect`, and the gateway passes it to every later
 * route as strings, so that routes need no read.
 */

import type { DuplicatePolicy } from "../../core/login-claims";
import type { Role } from "../../core/roles";

/** A connection's owner, and what its login agreed. */
export interface Identity {
  organizationId: string;
  agentId: string;
  role: Role;
  instanceId: string;
  heartbeatIntervalMs: number;
  leaseMs: number;
  /** Whether the client got another interval than it requested. */
  intervalAdvised: boolean;
  onDuplicate: DuplicatePolicy;
  /** The reconnect window for the fleet's size; 0 for none. */
  reconnectWindowMs: number;
  /** Whether the process says that it has another connection open. */
  rotation: boolean;
  /** Whether the client only watches. */
  watches: boolean;
  /** The registration's fencing token at the login. A later lock-out has a greater one. */
  fencingToken: number;
  /** Tag of the login key. */
  keyTag: string;
  /** When a temporary registration ends. */
  registeredUntil?: number | undefined;
  /** How long after its lease an ephemeral registration is kept, and the agent's row with it. */
  ephemeralMs?: number | undefined;
}

/** What not every identity has. */
type Optional = "registeredUntil" | "ephemeralMs";

/** The same as an authorizer's context, which contains strings only. */
export type AuthorizerContext = Record<Exclude<keyof Identity, Optional>, string> &
  Partial<Record<Optional, string>>;

export function toContext(identity: Identity): AuthorizerContext {
  const given = Object.entries(identity).filter(([, value]) => value !== undefined);
  const texts = given.map(([name, value]) => [name, String(value)]);
  return Object.fromEntries(texts) as AuthorizerContext;
}

/** @throws Error if the event has no authorizer context, which is an error in the deployment */
export function fromContext(context: Partial<AuthorizerContext> | undefined): Identity {
  if (!context?.organizationId || !context.agentId) {
    throw new Error("the event carries no authorizer context: is the authorizer set on $connect?");
  }
  return {
    organizationId: context.organizationId,
    agentId: context.agentId,
    role: context.role as Role,
    instanceId: context.instanceId ?? "",
    heartbeatIntervalMs: Number(context.heartbeatIntervalMs),
    leaseMs: Number(context.leaseMs),
    intervalAdvised: context.intervalAdvised === "true",
    onDuplicate: context.onDuplicate as DuplicatePolicy,
    // Connections that were opened before an update of the authorizer have none.
    reconnectWindowMs: Number(context.reconnectWindowMs ?? 0),
    rotation: context.rotation === "true",
    watches: context.watches === "true",
    fencingToken: Number(context.fencingToken ?? 0),
    keyTag: context.keyTag ?? "",
    ...(context.registeredUntil && { registeredUntil: Number(context.registeredUntil) }),
    ...(context.ephemeralMs && { ephemeralMs: Number(context.ephemeralMs) }),
  };
}

/** The gateway's part of what is known of a connection. */
interface OfGateway {
  connectionId: string;
  connectedAt: number;
}

/** A connection, as the gateway and its login describe it. */
export const connectionOf = (
  { connectionId, connectedAt }: OfGateway,
  identity: Identity,
): Identity & OfGateway => ({ ...identity, connectionId, connectedAt });
