/** An agent for tests of handlers alone: the real one, connected to its own fake service in memory. */

import { HeartbeatAgent, type MessageHandler, type NodeAgentOptions } from "@agent-heartbeat/sdk";
import type { RemoteAgent } from "./remote-agent";
import type { Published } from "./replies";
import { FakeService } from "./service";

/** Options of `fakeAgent()`: the options of an agent, all of them optional. */
export interface FakeAgentOptions
  extends Omit<
    NodeAgentOptions,
    "agentId" | "organizationId" | "url" | "runtime" | "heartbeatThread" | "agent"
  > {
  /** @default "agent-1" */
  agentId?: string | undefined;
  /** @default "acme" */
  organizationId?: string | undefined;
}

/** Sends what the test delivers. */
const SENDER = "test";

/** Made by `fakeAgent()`. */
export class FakeAgent extends HeartbeatAgent {
  readonly #service: FakeService;

  constructor(options: FakeAgentOptions = {}) {
    const { agentId = "agent-1", organizationId, ...others } = options;
    const service = new FakeService({ organizationId });
    super({ ...service.options(agentId), signals: [], ...others });
    this.#service = service;
  }

  /** Every message and request that the agent has sent, except answers. */
  get published(): readonly Published[] {
    return this.#service.published;
  }

  /**
   * Brings the agent a message, as a request: starts the agent if it is not started.
   *
   * @param from the agent that sends it
   * @returns the value that the handler returns
   * @throws RemoteError if the handler throws (`handler_failed`), or there is no handler (`no_handler`).
   */
  async receive(subject: string, data: unknown = null, from: string = SENDER): Promise<unknown> {
    await this.start();
    return this.#service.agent(from).request(subject, data, { to: this.agentId });
  }

  /** Answers the agent's requests, and accepts its messages. */
  reply(pattern: string, handler: MessageHandler, agentId: string = SENDER): RemoteAgent {
    const agent = this.#service.agent(agentId).online();
    agent.onMessage(pattern, handler);
    return agent;
  }
}

/** An agent that needs no service: for tests of what its handlers do. */
export function fakeAgent(options: FakeAgentOptions = {}): FakeAgent {
  return new FakeAgent(options);
}
