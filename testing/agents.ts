/** Agents over a fake runtime, and what they told. */

import {
  type AgentEvents,
  HeartbeatAgent,
  type NodeAgentOptions,
  type StateChange,
} from "@agent-heartbeat/sdk";
import { FakeRuntime, type FakeSocket } from "./fake-runtime";
import { TEST_KEY } from "./keys";

export interface FakeAgent {
  agent: HeartbeatAgent;
  runtime: FakeRuntime;
  states: StateChange[];
  failures: AgentEvents["attemptFailed"][];
  /** Lets the n-th socket be accepted, its first heartbeat acknowledged, its subscriptions answered. */
  accept(n: number): Promise<FakeSocket>;
}

/** An agent that has begun to connect. Durations in seconds, as in the options. */
export function fakeAgent(options: Partial<NodeAgentOptions> = {}): FakeAgent {
  const runtime = new FakeRuntime();
  const agent = new HeartbeatAgent({
    agentId: "agent-1",
    organizationId: "acme",
    url: "wss://gateway.test/prod",
    privateKey: TEST_KEY,
    // Tokens are signed in real time, while a test may let a minute pass in none.
    connectTimeout: 60,
    logger: null,
    runtime,
    ...options,
  });
  const states: StateChange[] = [];
  const failures: AgentEvents["attemptFailed"][] = [];
  agent.on("state", (change) => states.push(change));
  agent.on("attemptFailed", (failure) => failures.push(failure));
  return {
    agent,
    runtime,
    states,
    failures,
    async accept(n) {
      const socket = await runtime.socket(n);
      socket.peer.opened();
      socket.ack({ serverTime: runtime.now() });
      socket.settleSubscriptions();
      return socket;
    },
  };
}

/** Like `fakeAgent`, connected and acknowledged. */
export async function connectedAgent(
  options: Partial<NodeAgentOptions> = {},
): Promise<FakeAgent & { socket: FakeSocket; ended: Promise<unknown> }> {
  const fake = fakeAgent(options);
  const ended = fake.agent.run();
  ended.catch(() => {});
  return { ...fake, socket: await fake.accept(1), ended };
}
