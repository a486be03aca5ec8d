/** What happened to agents while the page was open, newest first, and no more than fits. */

import type { Transition, TransitionEvent } from "@agent-heartbeat/sdk/protocol";
import type { FleetChange } from "./fleet-port";

/** Something that happened to an agent. */
export interface FleetEvent {
  id: string;
  agentId: string;
  event: TransitionEvent;
  reason: Transition["reason"];
  at: number;
}

const CAPACITY = 5000;
/** How far apart two tellings of one event may date it, in milliseconds. */
const SAME_MS = 3000;

export class EventLog {
  #events: FleetEvent[] = [];
  /** The newest event of each agent. */
  readonly #last = new Map<string, FleetEvent>();
  #serial = 0;

  /** Newest first. Another array after each change. */
  get events(): readonly FleetEvent[] {
    return this.#events;
  }

  /**
   * Keeps what a change amounts to. Null where nothing happened but a heartbeat, where an agent is
   * seen for the first time, and where the event is known: the page sees by itself that a lease has
   * run out, long before the sweep tells of it.
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
    const seen = seenIn(change, now);
    if (seen === null) return null;
    this.#serial += 1;
    return { ...seen, agentId, id: `seen-${this.#serial}` };
  }
}

function seenIn({ previous, current }: FleetChange, now: number) {
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
  if (current.status === "offline" || previous.stalledSince === current.stalledSince) return null;
  return current.stalledSince === null
    ? ({ event: "recovered", reason: "progress", at: now } as const)
    : ({ event: "stalled", reason: "no_progress", at: current.stalledSince } as const);
}

function isRepeated(event: FleetEvent, last: FleetEvent | undefined): boolean {
  if (last === undefined) return false;
  if (event.id === last.id) return true;
  return event.event === last.event && Math.abs(event.at - last.at) <= SAME_MS;
}
