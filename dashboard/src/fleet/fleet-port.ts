/**
 * The part of the client's `FleetWatcher` that the page uses, kept narrow so that tests can fake
 * it.
 */

import type {
  AgentPresence,
  MassExpiry,
  OnlineCount,
  Transition,
  TransitionRecord,
} from "@agent-heartbeat/sdk/protocol";

/** `stale`: disconnected, or no message arrived for too long. The data may be out of date. */
export type FleetState = "idle" | "connecting" | "live" | "stale" | "stopped";

/** A change of one agent. `previous` is null for a new agent, `current` for a removed one. */
export interface FleetChange {
  agentId: string;
  previous: AgentPresence | null;
  current: AgentPresence | null;
  /**
   * The transition that the service published. Null if the change comes from a list or from the
   * clock.
   */
  transition: Transition | null;
}

export interface FleetFailure {
  message: string;
}

export interface FleetEvents {
  change: FleetChange;
  state: { state: FleetState; failure?: FleetFailure | undefined };
  massExpiry: MassExpiry | null;
}

export interface FleetPort {
  readonly agents: ReadonlyMap<string, AgentPresence>;
  readonly state: FleetState;
  /** When the agents were last known to be current. Null before the first list. */
  readonly lastUpdateAt: number | null;
  /** The suspected mass expiry, or null. */
  readonly massExpiry: MassExpiry | null;
  /** The server's time. All timestamps of agents refer to it. */
  serverNow(): number;
  start(): Promise<void>;
  stop(): unknown;
  on<E extends keyof FleetEvents>(event: E, listener: (value: FleetEvents[E]) => void): unknown;
  history(agentId: string): Promise<TransitionRecord[]>;
  /** How many agents were online at each sweep of the last day, oldest first. */
  counts(): Promise<OnlineCount[]>;
}
