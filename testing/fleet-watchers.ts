/** A fleet watcher with a fake runtime that records its events. */

import {
  type AgentPresence,
  type FleetEvents,
  FleetWatcher,
  type NodeWatcherOptions,
  type Transition,
} from "@agent-heartbeat/sdk";
import { fakePresence, fakeTransition } from "@agent-heartbeat/sdk/testing";
import { FakeRuntime, type FakeSocket } from "./fake-runtime";
import { TEST_KEY } from "./keys";

/** The start of a fake runtime's clock. */
export const START = Date.UTC(2026, 0, 1);

/** An agent that connected and sent a heartbeat at the start, with a lease of 90 s. */
export const presence = (agentId: string, overrides: Partial<AgentPresence> = {}): AgentPresence =>
  fakePresence(agentId, { connectionId: "A=", instanceId: "process-a", ...overrides }, START);

/** The event that the service publishes when an agent comes or goes. */
export const transition = (agentId: string, overrides: Partial<Transition> = {}): Transition =>
  fakeTransition(
    agentId,
    {
      connectionId: "A=",
      instanceId: "process-a",
      transitionId: "t1",
      event: "online",
      previousStatus: null,
      reason: "connected",
      ...overrides,
    },
    START,
  );

export interface FakeFleet {
  watcher: FleetWatcher;
  runtime: FakeRuntime;
  changes: FleetEvents["change"][];
  states: string[];
  /** Accepts the n-th socket, up to the list request that follows. */
  accept(n: number): Promise<FakeSocket>;
}

export function fakeFleet(options: Partial<NodeWatcherOptions> = {}): FakeFleet {
  const runtime = new FakeRuntime();
  const watcher = new FleetWatcher({
    agentId: "viewer",
    organizationId: "acme",
    url: "wss://gateway.test/prod",
    privateKey: TEST_KEY,
    connectTimeout: 60,
    logger: null,
    runtime,
    ...options,
  });
  const changes: FleetEvents["change"][] = [];
  const states: string[] = [];
  watcher.on("change", (change) => changes.push(change));
  watcher.on("state", ({ state }) => states.push(state));
  return {
    watcher,
    runtime,
    changes,
    states,
    accept: (n) => runtime.accept(n),
  };
}

/** The list requests sent on a connection. */
export const listsOf = (socket: FakeSocket) => socket.sent.filter(({ type }) => type === "list");

/** Answers the newest list request. */
export async function answerList(
  socket: FakeSocket,
  runtime: FakeRuntime,
  agents: AgentPresence[],
  cursor: string | null = null,
): Promise<void> {
  const { id } = listsOf(socket).at(-1) ?? {};
  socket.post({ type: "agents", agents, cursor, serverTime: runtime.now(), id });
  // The next list request is sent in a separate turn.
  await new Promise((resolve) => setImmediate(resolve));
}

export const publishTransition = (socket: FakeSocket, data: Transition) =>
  socket.post({
    type: "message",
    messageId: data.transitionId,
    subject: `presence.${data.agentId}`,
    data,
    from: "service",
  });

/** A live watcher that has listed these agents. */
export async function liveFleet(
  agents: AgentPresence[],
  options: Partial<NodeWatcherOptions> = {},
): Promise<FakeFleet & { socket: FakeSocket }> {
  const fleet = fakeFleet(options);
  const started = fleet.watcher.start();
  const socket = await fleet.accept(1);
  await answerList(socket, fleet.runtime, agents);
  await started;
  fleet.changes.length = 0;
  return { ...fleet, socket };
}
