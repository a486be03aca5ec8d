/** The time in which a simulated fleet works: agents come, faults befall them, and readers look. */

import { HEARTBEAT } from "@agent-heartbeat/sdk/protocol";
import type { Deployment } from "../deployment/deployment";
import type { Io } from "../io";
import { faultsOfSecond } from "./chaos";
import type { Measurements } from "./measurements";
import { observe } from "./observer";
import { progressLine } from "./report";
import type { SimulatedAgent } from "./simulated-agent";

export interface RunOptions {
  /** Within which all agents start. */
  rampMs: number;
  /** After the ramp. */
  durationMs: number;
  /** In seconds. */
  heartbeatInterval: number;
  chaos: boolean;
  /** Hears how it stands, once a second. */
  onProgress(line: string): void;
}

export interface RunContext {
  agents: ReadonlyMap<string, SimulatedAgent>;
  deployment: Deployment;
  options: RunOptions;
  measurements: Measurements;
  io: Io;
}

const SECOND_MS = 1000;
const TICK_MS = 50;

export class SimulationRun {
  readonly #context: RunContext;
  readonly #leaseMs: number;
  /** Agents that have not started yet. */
  readonly #waiting: SimulatedAgent[];
  /** Agents that were killed, and when they come back. */
  #restarts: { at: number; agent: SimulatedAgent }[] = [];
  #observation: Promise<void> | null = null;
  #second = -1;

  constructor(context: RunContext) {
    const { agents, options } = context;
    this.#context = context;
    this.#leaseMs = options.heartbeatInterval * HEARTBEAT.defaultTimeoutMultiplier * SECOND_MS;
    this.#waiting = [...agents.values()];
  }

  /** Resolves when its time is over, or the person interrupts. */
  async run(): Promise<void> {
    const { io, options } = this.#context;
    const { signal } = io;
    const begun = io.now();
    while (!signal.aborted) {
      const now = io.now();
      const elapsedMs = now - begun;
      this.#launch(elapsedMs);
      this.#restart(now);
      const second = Math.floor(elapsedMs / SECOND_MS);
      if (second > this.#second) this.#onSecond(now, elapsedMs);
      this.#second = second;
      if (elapsedMs >= options.rampMs + options.durationMs) break;
      await io.wait(TICK_MS, signal);
    }
    await this.#observation;
  }

  #launch(elapsedMs: number): void {
    const { agents, options } = this.#context;
    const share = options.rampMs === 0 ? 1 : Math.min(1, elapsedMs / options.rampMs);
    const started = agents.size - this.#waiting.length;
    const due = Math.ceil(share * agents.size) - started;
    for (const agent of this.#waiting.splice(0, due)) agent.start();
  }

  #restart(now: number): void {
    const due = this.#restarts.filter(({ at }) => at <= now);
    this.#restarts = this.#restarts.filter(({ at }) => at > now);
    for (const { agent } of due) agent.restart();
  }

  #onSecond(now: number, elapsedMs: number): void {
    const { agents, options, measurements } = this.#context;
    if (options.chaos) this.#makeFaults(now);
    this.#observation ??= this.#observe().finally(() => {
      this.#observation = null;
    });
    const connected = [...agents.values()].filter((agent) => agent.connected).length;
    const fleet = { connected, agents: agents.size };
    options.onProgress(progressLine(fleet, measurements, { elapsedMs, now }));
  }

  #makeFaults(now: number): void {
    const { agents, measurements, io } = this.#context;
    for (const { agent, fault } of faultsOfSecond([...agents.values()], io.random)) {
      measurements.count(measurements.faults, fault);
      agent[fault]();
      // Some come back before anyone could notice, some long after.
      const downtimeMs = io.random() * 2 * this.#leaseMs;
      if (fault === "crash") this.#restarts.push({ at: now + downtimeMs, agent });
    }
  }

  async #observe(): Promise<void> {
    const { agents, deployment, measurements, io } = this.#context;
    const { statuses, organizationId } = deployment;
    const leaseMs = this.#leaseMs;
    try {
      await observe({ statuses, organizationId, agents, leaseMs, measurements, now: io.now });
    } catch {
      measurements.count(measurements.failures, "reading");
    }
  }
}
