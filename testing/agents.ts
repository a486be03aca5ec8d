/** Agents with a fake runtime that record their states and failures. */

import {
  type AgentEvents,
  HeartbeatAgent,
  type NodeAgentOptions,
  type StateChange,
} from "@agent-heartbeat/sdk";
import { TRANSITIONS } from "../sdk/src/connection/state";
import { FakeRuntime, type FakeSocket } from "./fake-runtime";
import { TEST_KEY } from "./keys";

export interface FakeAgent {
  agent: HeartbeatAgent;
  runtime: FakeRuntime;
  states: StateChange[];
  failures: AgentEvents["attemptFailed"][];
  /** Accepts the n-th socket, acknowledges its first heartbeat and answers its subscriptions. */
  accept(n: number): Promise<FakeSocket>;
}

/** An agent that has started to connect. Durations are in seconds, as in its options. */
export function fakeAgent(
  options: Partial<NodeAgentOptions> = {},
  runtime = new FakeRuntime(),
): FakeAgent {
  const agent = new HeartbeatAgent({
    agentId: "agent-1",
    organizationId: "acme",
    url: "wss://gateway.test/prod",
    privateKey: TEST_KEY,
    // Tokens are signed in real time, while a test may advance a minute at once.
    connectTimeout: 60,
    logger: null,
    runtime,
    ...options,
  });
  const states: StateChange[] = [];
  const failures: AgentEvents["attemptFailed"][] = [];
  agent.on("state", (change) => {
    states.push(change);
    const { previous, state } = change;
    if (TRANSITIONS[previous].includes(state)) return;
    // Outside of the listener, whose errors are only logged.
    queueMicrotask(() => {
      throw new Error(`expected a state that may follow ${previous}, got ${state}`);
    });
  });
  agent.on("attemptFailed", (failure) => failures.push(failure));
  return {
    agent,
    runtime,
    states,
    failures,
    accept: (n) => runtime.accept(n),
  };
}

/** Like `fakeAgent`, but connected and acknowledged. */
export async function connectedAgent(
  options: Partial<NodeAgentOptions> = {},
  runtime = new FakeRuntime(),
): Promise<FakeAgent & { socket: FakeSocket; ended: Promise<unknown> }> {
  const fake = fakeAgent(options, runtime);
  const ended = fake.agent.run();
  ended.catch(() => {});
  return { ...fake, socket: await fake.accept(1), ended };
}
