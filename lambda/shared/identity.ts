/**
 * Who is at the other end of a connection: written by the authorizer at `$connect`, handed by the
 * gateway to every later route as strings, and so read without touching a table.
 */

import type { DuplicatePolicy, Role } from "../../core/protocol";

/** A connection's owner and terms. */
export interface Identity {
  organizationId: string;
  agentId: string;
  role: Role;
  instanceId: string;
  heartbeatIntervalMs: number;
  leaseMs: number;
  /** Whether the client asked for another interval than it got. */
  intervalAdvised: boolean;
  onDuplicate: DuplicatePolicy;
  /** Over how long the fleet is to come back once all of it is cut off; 0 for no such advice. */
  reconnectWindowMs: number;
  /** Whether the process says that it has another connection open. */
  rotation: boolean;
  /** The registration's fencing token when it logged in: a lock-out since then has a greater one. */
  fencingToken: number;
  /** Stands for the key that it logged in with. */
  keyTag: string;
  /** When the registration ends; absent where it does not. */
  registeredUntil?: number | undefined;
}

/** The same as API Gateway carries it: an authorizer's context holds strings only. */
export type AuthorizerContext = Record<Exclude<keyof Identity, "registeredUntil">, string> & {
  registeredUntil?: string;
};

export function toContext(identity: Identity): AuthorizerContext {
  return {
    organizationId: identity.organizationId,
    agentId: identity.agentId,
    role: identity.role,
    instanceId: identity.instanceId,
    heartbeatIntervalMs: String(identity.heartbeatIntervalMs),
    leaseMs: String(identity.leaseMs),
    intervalAdvised: String(identity.intervalAdvised),
    onDuplicate: identity.onDuplicate,
    reconnectWindowMs: String(identity.reconnectWindowMs),
    rotation: String(identity.rotation),
    fencingToken: String(identity.fencingToken),
    keyTag: identity.keyTag,
    ...(identity.registeredUntil !== undefined && {
      registeredUntil: String(identity.registeredUntil),
    }),
  };
}

/** @throws Error if the route was called without the authorizer's context, which is a deployment fault. */
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
    // Connections from before an update of the authorizer carry none.
    reconnectWindowMs: Number(context.reconnectWindowMs ?? 0),
    rotation: context.rotation === "true",
    fencingToken: Number(context.fencingToken ?? 0),
    keyTag: context.keyTag ?? "",
    ...(context.registeredUntil && { registeredUntil: Number(context.registeredUntil) }),
  };
}
