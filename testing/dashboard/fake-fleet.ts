/** A fake of the client's `FleetWatcher`. The test decides what it reports. */

import type {
  AgentPresence,
  MassExpiry,
  OnlineCount,
  TransitionRecord,
} from "@agent-heartbeat/sdk/protocol";
import { fakePresence } from "@agent-heartbeat/sdk/testing";
import type {
  FleetChange,
  FleetEvents,
  FleetPort,
  FleetState,
} from "../../dashboard/src/fleet/fleet-port";

export const NOON = Date.UTC(2026, 0, 1, 12);

/** An agent that is online and idle. */
export const presence = (agentId: string, fields: Partial<AgentPresence> = {}): AgentPresence => {
  const since = NOON - 60_000;
  const idle = { since, connectedAt: since, instanceId: "instance-1", profile: null };
  return fakePresence(agentId, { ...idle, ...fields }, NOON);
};

export const lost = (agentId: string, at: number, fields: Partial<AgentPresence> = {}) =>
  presence(agentId, { status: "offline", reason: "connection_lost", since: at, ...fields });

/** The change between two states of an agent, as the watcher finds it in a list. */
export const change = (previous: AgentPresence | null, current: AgentPresence): FleetChange => ({
  agentId: current.agentId,
  previous,
  current,
  transition: null,
});

export class FakeFleet implements FleetPort {
  readonly agents = new Map<string, AgentPresence>();
  state: FleetState = "idle";
  lastUpdateAt: number | null = null;
  massExpiry: MassExpiry | null = null;
  histories = new Map<string, TransitionRecord[]>();
  day: OnlineCount[] = [];
  readonly #listeners = {
    change: new Set<(value: FleetEvents["change"]) => void>(),
    state: new Set<(value: FleetEvents["state"]) => void>(),
    massExpiry: new Set<(value: FleetEvents["massExpiry"]) => void>(),
  };

  constructor(private readonly now: () => number) {}

  serverNow = () => this.now();

  on<E extends keyof FleetEvents>(event: E, listener: (value: FleetEvents[E]) => void) {
    (this.#listeners[event] as Set<(value: FleetEvents[E]) => void>).add(listener);
  }

  async start() {
    this.become("live");
  }

  stop() {
    this.become("stopped");
  }

  async history(agentId: string) {
    const history = this.histories.get(agentId);
    if (!history) throw new Error(`no history of ${agentId}`);
    return history;
  }

  async counts() {
    return this.day;
  }

  become(state: FleetState, failure?: { message: string }) {
    this.state = state;
    if (state === "live") this.lastUpdateAt = this.now();
    for (const listener of this.#listeners.state) listener({ state, failure });
  }

  suspect(massExpiry: MassExpiry | null) {
    this.massExpiry = massExpiry;
    for (const listener of this.#listeners.massExpiry) listener(massExpiry);
  }

  show(agent: AgentPresence) {
    const previous = this.agents.get(agent.agentId) ?? null;
    this.agents.set(agent.agentId, agent);
    for (const listener of this.#listeners.change) listener(change(previous, agent));
  }
}
