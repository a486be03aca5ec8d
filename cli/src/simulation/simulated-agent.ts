/** One agent of a simulation: a real agent of the SDK, and what its connection should look like from outside. */

import type { HeartbeatAgent, NodeAgentOptions } from "@agent-heartbeat/sdk";
import type { Measurements } from "./measurements";
import { SabotagedSockets } from "./sockets";

export interface SimulatedAgentOptions {
  agentId: string;
  organizationId: string;
  url: string;
  /** Its private key, or how it comes by one, and how it sends heartbeats. */
  settings: Pick<
    NodeAgentOptions,
    "privateKey" | "enrolmentToken" | "awsIdentity" | "httpUrl" | "heartbeatTransport"
  >;
  /** In seconds. */
  heartbeatInterval: number;
  measurements: Measurements;
  now: () => number;
  create(options: NodeAgentOptions): HeartbeatAgent;
}

export class SimulatedAgent {
  readonly agentId: string;
  /** Since when it is connected and left in peace; null while it is not. */
  steadySince: number | null = null;
  /** Since when it has had no connection that works; null while it has one. */
  awaySince: number | null;
  readonly #options: SimulatedAgentOptions;
  #sockets = new SabotagedSockets();
  #agent: HeartbeatAgent;
  #connects = 0;

  constructor(options: SimulatedAgentOptions) {
    this.agentId = options.agentId;
    this.#options = options;
    this.awaySince = options.now();
    this.#agent = this.#create();
  }

  get connected(): boolean {
    return this.#agent.getConnectionHealth().connected;
  }

  /** Whether it was ever connected. */
  get connectedOnce(): boolean {
    return this.#connects > 0;
  }

  /** Connects in the background. */
  start(): void {
    // What fails is counted as it happens.
    this.#agent.start().catch(() => undefined);
  }

  async stop(): Promise<void> {
    await this.#agent.stop();
  }

  /** Its network fails for a moment. */
  cut(): void {
    this.#leave();
    this.#sockets.cut();
  }

  /** Its connection falls silent without an end: half open. */
  silence(): void {
    this.#leave();
    this.#sockets.silence();
  }

  /** Its process is killed. */
  crash(): void {
    this.#leave();
    this.#sockets.silence();
    this.#sockets.cut();
    void this.#agent.stop();
  }

  /** A new process of the same agent begins. */
  restart(): void {
    this.#sockets = new SabotagedSockets();
    this.#agent = this.#create();
    this.start();
  }

  #leave(): void {
    this.steadySince = null;
    this.awaySince ??= this.#options.now();
  }

  #arrive(): void {
    this.steadySince ??= this.#options.now();
    this.awaySince = null;
  }

  #create(): HeartbeatAgent {
    const { measurements, now, create, ...options } = this.#options;
    const { agentId, organizationId, url, settings, heartbeatInterval } = options;
    const agent = create({
      agentId,
      organizationId,
      url,
      ...settings,
      heartbeatInterval,
      signals: [],
      logger: null,
      runtime: { openSocket: this.#sockets.open },
    });
    agent.on("state", ({ state }) => {
      // An agent that was killed may still emit its end.
      if (agent !== this.#agent) return;
      if (state !== "connected") return this.#leave();
      this.#arrive();
      measurements.connects.add(now());
      if (this.#connects++ > 0) measurements.reconnects++;
    });
    agent.on("heartbeatAck", ({ roundTripMs }) => {
      measurements.acks.add(now());
      if (agent === this.#agent) this.#arrive();
      if (roundTripMs !== null) measurements.roundTrips.add(roundTripMs);
    });
    agent.on("attemptFailed", ({ failure }) => measurements.failed(failure));
    return agent;
  }
}
