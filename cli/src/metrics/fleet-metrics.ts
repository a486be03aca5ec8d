/** A fleet as Prometheus metrics. */

import type {
  AgentPresence,
  FleetChange,
  FleetState,
  MassExpiry,
  OfflineReason,
  Transition,
} from "@agent-heartbeat/sdk";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { STATUS_FILTERS, wordOf } from "../status/status-filter";

/** What the metrics are made from; a `FleetWatcher` is one. */
export interface ObservedFleet {
  readonly state: FleetState;
  readonly agents: ReadonlyMap<string, AgentPresence>;
  readonly massExpiry: MassExpiry | null;
  readonly lastUpdateAt: number | null;
}

export interface FleetMetricsOptions {
  organizationId: string;
  /** Also series with the label `agent`, two for each agent. */
  perAgent: boolean;
  /** The fleet as of now: it is asked at each scrape. */
  fleet(): ObservedFleet;
}

const REASONS: Readonly<Record<OfflineReason, true>> = {
  client_closed: true,
  connection_lost: true,
  gateway_closed: true,
  lease_expired: true,
  drained: true,
  failed: true,
  revoked: true,
};
/** A newer service may give reasons that are not known here. They share one series, so that the number of series has a bound. */
const OTHER = "other";
const reasonOf = (reason: string | null) =>
  reason !== null && Object.hasOwn(REASONS, reason) ? reason : OTHER;

/** What there is a series for from the start. */
const TRANSITIONS: readonly (readonly [event: Transition["event"], reason: string])[] = [
  ...Object.keys(REASONS).map((reason) => ["offline", reason] as const),
  ["online", "connected"],
  ["online", "revived"],
  ["stalled", "no_progress"],
  ["recovered", "progress"],
  ["draining", "drain_started"],
];

/** Transitions that are remembered, because two watchers may report the same one. */
const REMEMBERED = 10_000;

/** A gauge that is computed at each scrape. */
interface Measure {
  name: string;
  help: string;
  labels: string[];
  collect(gauge: Gauge, fleet: ObservedFleet): void;
}

const seconds = (ms: number) => ms / 1000;

/** They say nothing of a fleet that isn't live: what was known of it may be wrong. */
const OF_THE_FLEET: Measure[] = [
  {
    name: "agent_heartbeat_agents",
    help: "Agents by status, each counted once: a stalled or draining one is not counted as online. The reason says why they are offline.",
    labels: ["status", "reason"],
    collect(gauge, { agents }) {
      for (const status of STATUS_FILTERS) {
        const reasons = status === "offline" ? Object.keys(REASONS) : [""];
        for (const reason of reasons) gauge.set({ status, reason }, 0);
      }
      for (const agent of agents.values()) {
        const status = wordOf(agent);
        gauge.inc({ status, reason: status === "offline" ? reasonOf(agent.reason) : "" });
      }
    },
  },
  {
    name: "agent_heartbeat_oldest_heartbeat_timestamp_seconds",
    help: "Time of the last heartbeat of the connected agent that has been silent longest. Absent if no agent is connected.",
    labels: [],
    collect(gauge, { agents }) {
      let oldest = Number.POSITIVE_INFINITY;
      for (const { status, lastHeartbeatAt } of agents.values()) {
        if (status === "online") oldest = Math.min(oldest, lastHeartbeatAt);
      }
      if (Number.isFinite(oldest)) gauge.set(seconds(oldest));
    },
  },
  {
    name: "agent_heartbeat_mass_expiry_suspected",
    help: "1 while the service withholds events because so many agents fell silent at once that it may be at fault itself.",
    labels: [],
    collect: (gauge, { massExpiry }) => gauge.set(massExpiry ? 1 : 0),
  },
];

const OF_EACH_AGENT: Measure[] = [
  {
    name: "agent_heartbeat_agent_up",
    help: "1 if the agent is online, stalled or draining, as the label says; 0 if it is offline.",
    labels: ["agent", "status"],
    collect(gauge, { agents }) {
      for (const agent of agents.values()) {
        const labels = { agent: agent.agentId, status: wordOf(agent) };
        gauge.set(labels, agent.status === "online" ? 1 : 0);
      }
    },
  },
  {
    name: "agent_heartbeat_agent_last_heartbeat_timestamp_seconds",
    help: "When the agent's last heartbeat arrived, by the service's clock.",
    labels: ["agent"],
    collect(gauge, { agents }) {
      for (const { agentId, lastHeartbeatAt } of agents.values()) {
        gauge.set({ agent: agentId }, seconds(lastHeartbeatAt));
      }
    },
  },
];

const OF_THE_EXPORTER: Measure[] = [
  {
    name: "agent_heartbeat_exporter_live",
    help: "1 while the exporter receives every change at once. While it is 0 there are no metrics of agents.",
    labels: [],
    collect: (gauge, { state }) => gauge.set(state === "live" ? 1 : 0),
  },
  {
    name: "agent_heartbeat_exporter_last_update_timestamp_seconds",
    help: "Time of the exporter's last update, by the service's clock. Absent before the first one.",
    labels: [],
    collect(gauge, { lastUpdateAt }) {
      if (lastUpdateAt !== null) gauge.set(seconds(lastUpdateAt));
    },
  },
];

export class FleetMetrics {
  readonly registry = new Registry();
  readonly #transitions: Counter<"event" | "reason">;
  readonly #counted = new Set<string>();

  constructor({ organizationId, perAgent, fleet }: FleetMetricsOptions) {
    this.registry.setDefaultLabels({ organization: organizationId });
    for (const measure of OF_THE_EXPORTER) this.#add(measure, fleet);
    const live = () => (fleet().state === "live" ? fleet() : undefined);
    for (const measure of OF_THE_FLEET) this.#add(measure, live);
    if (perAgent) for (const measure of OF_EACH_AGENT) this.#add(measure, live);
    this.#transitions = new Counter({
      name: "agent_heartbeat_transitions_total",
      help: "Transitions that the exporter received, by event (online, offline, stalled, recovered, draining) and reason.",
      labelNames: ["event", "reason"],
      registers: [this.registry],
    });
    for (const [event, reason] of TRANSITIONS) this.#transitions.inc({ event, reason }, 0);
    collectDefaultMetrics({ register: this.registry });
  }

  /** @param fleet undefined while there is nothing to say */
  #add({ name, help, labels, collect }: Measure, fleet: () => ObservedFleet | undefined): void {
    new Gauge({
      name,
      help,
      labelNames: labels,
      registers: [this.registry],
      collect() {
        this.reset();
        // A reset leaves a zero where there are no labels.
        if (labels.length === 0) this.remove();
        const now = fleet();
        if (now) collect(this, now);
      },
    });
  }

  /** Handles a change of the fleet. A transition counts once, however many watchers report it. */
  countTransition({ transition }: Pick<FleetChange, "transition">): void {
    if (!transition || this.#counted.has(transition.transitionId)) return;
    this.#counted.add(transition.transitionId);
    for (const id of this.#counted) {
      if (this.#counted.size <= REMEMBERED) break;
      this.#counted.delete(id);
    }
    const { event, reason } = transition;
    const isKnown = TRANSITIONS.some((known) => known[0] === event && known[1] === reason);
    this.#transitions.inc({ event, reason: isKnown ? reason : OTHER });
  }
}
