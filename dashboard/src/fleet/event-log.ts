/** A bounded log of the events that happened while the page was open, newest first. */

import type { AgentPresence, Transition, TransitionEvent } from "@agent-heartbeat/sdk/protocol";
import type { FleetChange } from "./fleet-port";

/** A status change of one agent. */
export interface FleetEvent {
  id: string;
  agentId: string;
  event: TransitionEvent;
  reason: Transition["reason"];
  at: number;
}

const CAPACITY = 5000;
/** Largest difference between two timestamps of the same event, in milliseconds. */
const SAME_MS = 3000;

export class EventLog {
  #events: FleetEvent[] = [];
  /** The newest event of each agent. */
  readonly #last = new Map<string, FleetEvent>();
  #serial = 0;

  /** Newest first. A new array after each change. */
  get events(): readonly FleetEvent[] {
    return this.#events;
  }

  /**
   * Records the event that a change amounts to, if any. Returns null for a mere heartbeat, for an
   * agent seen for the first time, and for an event already logged: the page notices an expired
   * lease on its own, before the sweep publishes the transition.
   */
  record(change: FleetChange, now: number): FleetEvent | null {
    const event = this.#eventIn(change, now);
    if (event === null || isRepeated(event, this.#last.get(event.agentId))) return null;
    this.#last.set(event.agentId, event);
    this.#events = [event, ...this.#events.slice(0, CAPACITY - 1)];
    return event;
  }

  #eventIn(change: FleetChange, now: number): FleetEvent | null {
    const { agentId, transition } = change;
    if (transition) {
      const { transitionId: id, event, reason, at } = transition;
      return { id, agentId, event, reason, at };
    }
    const seen = eventFromStates(change, now);
    if (seen === null) return null;
    this.#serial += 1;
    return { ...seen, agentId, id: `seen-${this.#serial}` };
  }
}

function eventFromStates({ previous, current }: FleetChange, now: number) {
  if (!previous || !current) return null;
  if (previous.status !== current.status) {
    const revived = previous.reason === "lease_expired" ? "revived" : "connected";
    return current.status === "offline"
      ? ({
          event: "offline",
          reason: current.reason ?? "lease_expired",
          at: current.since,
        } as const)
      : ({ event: "online", reason: revived, at: current.since } as const);
  }
  if (current.status === "offline") return null;
  if (previous.stalledSince === current.stalledSince) {
    const began = drains(current) && !drains(previous);
    const at = current.lastHeartbeatAt;
    return began ? ({ event: "draining", reason: "drain_started", at } as const) : null;
  }
  return current.stalledSince === null
    ? ({ event: "recovered", reason: "progress", at: now } as const)
    : ({ event: "stalled", reason: "no_progress", at: current.stalledSince } as const);
}

const drains = ({ activity }: AgentPresence) => activity?.state === "draining";

function isRepeated(event: FleetEvent, last: FleetEvent | undefined): boolean {
  if (last === undefined) return false;
  if (event.id === last.id) return true;
  return event.event === last.event && Math.abs(event.at - last.at) <= SAME_MS;
}
