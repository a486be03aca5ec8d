/** What the page needs of the client's `FleetWatcher`: narrow, so that a test's stand-in is small. */

import type {
  AgentPresence,
  MassExpiry,
  Transition,
  TransitionRecord,
} from "@agent-heartbeat/sdk/protocol";

/** `stale`: not connected, or nothing was heard for too long. What is known may be old. */
export type FleetState = "idle" | "connecting" | "live" | "stale" | "stopped";

/** Something about an agent is another than before. Null where there was, or is, no such agent. */
export interface FleetChange {
  agentId: string;
  previous: AgentPresence | null;
  current: AgentPresence | null;
  /** What the service told; null where the change was seen in a list or follows from the clock. */
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
  /** When the agents were last known to be as they are; null before the first list. */
  readonly lastUpdateAt: number | null;
  /** What the service suspects of itself; null if nothing. */
  readonly massExpiry: MassExpiry | null;
  /** The server's clock, by which every time of an agent is. */
  serverNow(): number;
  start(): Promise<void>;
  stop(): unknown;
  on<E extends keyof FleetEvents>(event: E, listener: (value: FleetEvents[E]) => void): unknown;
  history(agentId: string): Promise<TransitionRecord[]>;
}
