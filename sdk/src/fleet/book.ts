/** The newest known state of each agent of a fleet, shown by its derived status. */

import type { AgentPresence, Transition } from "../../../core/presence";

/** An agent changed, or the service published a transition. */
export interface FleetChange {
  agentId: string;
  /** Null if the agent was not known. */
  previous: AgentPresence | null;
  /** Null if the agent is no longer known. */
  current: AgentPresence | null;
  /** The published transition; null if the change was found in a list or follows from the clock. */
  transition: Transition | null;
}

/** Times are by the server's clock. */
export class FleetBook {
  /** Every agent once, as readers see it. */
  readonly agents = new Map<string, AgentPresence>();
  /** The agent as last received from the service. */
  readonly #received = new Map<string, AgentPresence>();

  /**
   * Stores an agent's state from the service, unless a newer one is known.
   *
   * @returns the change; null if there is none and no transition
   */
  take(presence: AgentPresence, transition: Transition | null, now: number): FleetChange | null {
    const { agentId } = presence;
    const received = this.#received.get(agentId);
    const previous = this.agents.get(agentId) ?? null;
    if (received && !isNewer(presence, received)) {
      return transition && { agentId, previous, current: previous, transition };
    }
    const { profile = received?.profile } = presence;
    const merged = profile === undefined ? presence : { ...presence, profile };
    this.#received.set(agentId, merged);
    const current = readAt(merged, now);
    if (!transition && isSame(previous, current)) return null;
    this.agents.set(agentId, current);
    return { agentId, previous, current, transition };
  }

  /** Expires leases that ended at `now` or before. */
  expire(now: number): FleetChange[] {
    const changes: FleetChange[] = [];
    for (const [agentId, previous] of this.agents) {
      const current = readAt(previous, now);
      if (current === previous) continue;
      this.agents.set(agentId, current);
      changes.push({ agentId, previous, current, transition: null });
    }
    return changes;
  }

  /** Removes all other agents. */
  keep(agentIds: ReadonlySet<string>): FleetChange[] {
    const changes: FleetChange[] = [];
    for (const [agentId, previous] of this.agents) {
      if (agentIds.has(agentId)) continue;
      this.agents.delete(agentId);
      this.#received.delete(agentId);
      changes.push({ agentId, previous, current: null, transition: null });
    }
    return changes;
  }

  /** The earliest end of a valid lease. */
  get nextLeaseEnd(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { status, leaseExpiresAt } of this.agents.values()) {
      if (status === "online") next = Math.min(next, leaseExpiresAt);
    }
    return next;
  }
}

/** A transition as a list would show its agent. */
export function presenceOf(transition: Transition): AgentPresence {
  const { transitionId, organizationId, event, previousStatus, at, reason, ...presence } =
    transition;
  const offline = presence.status === "offline";
  return { ...presence, reason: offline ? (reason as AgentPresence["reason"]) : null };
}

/**
 * Whether `next` says as much or more than `known`. No write brings an agent online without a later heartbeat than
 * any before; of two that are equal, one that says offline was written later.
 */
function isNewer(next: AgentPresence, known: AgentPresence): boolean {
  if (next.lastHeartbeatAt !== known.lastHeartbeatAt) {
    return next.lastHeartbeatAt > known.lastHeartbeatAt;
  }
  return next.status === "offline" || known.status === "online";
}

/** The same agent, offline if its lease has run out. */
function readAt(presence: AgentPresence, now: number): AgentPresence {
  const { status, leaseExpiresAt } = presence;
  if (status === "offline" || now < leaseExpiresAt) return presence;
  const ended = { status: "offline", reason: "lease_expired", since: leaseExpiresAt } as const;
  return { ...presence, ...ended, stalledSince: null };
}

/** Whether two JSON values are equal: the service writes members in any order, and leaves out what is undefined. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b || typeof a !== "object" || typeof b !== "object" || !a || !b) return a === b;
  const [one, other] = [a, b] as Record<string, unknown>[];
  const sameKind = Array.isArray(a) === Array.isArray(b);
  return (
    sameKind && Object.keys({ ...a, ...b }).every((name) => isSame(one?.[name], other?.[name]))
  );
}
