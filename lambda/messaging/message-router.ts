/** Delivers messages: finds their receivers, posts to all of them in parallel, and removes connections that are gone. */

import pLimit from "p-limit";
import type { DeliveryMessage } from "../../core/protocol";
import type { Connections, Outcome } from "../shared/connections";
import type { Log } from "../shared/log";
import type { Subscriber, SubscriptionStore } from "./subscriptions";

/** Posts under way at once. */
const CONCURRENCY = 64;

/** Finds the connections that an agent is online with, the likeliest first. */
export interface AgentLocator {
  locate(organizationId: string, agentId: string, now: number): Promise<string[]>;
}

export interface MessageRouterDependencies {
  subscriptions: Pick<SubscriptionStore, "find" | "removeConnection">;
  agents: AgentLocator;
  connections: Pick<Connections, "post">;
  log: Log;
}

export class MessageRouter {
  constructor(private readonly deps: MessageRouterDependencies) {}

  /**
   * Delivers a message to the subscribers of its subject.
   *
   * @param now epoch milliseconds
   * @returns how many processes it reached; one with two connections counts once
   */
  async publish(organizationId: string, message: DeliveryMessage, now: number): Promise<number> {
    const subscribers = await this.deps.subscriptions.find(organizationId, message.subject, now);
    return this.#deliver(message, subscribers);
  }

  /**
   * Delivers a message to one agent.
   *
   * @returns 1, or 0 if the agent is offline
   */
  async send(
    organizationId: string,
    agentId: string,
    message: DeliveryMessage,
    now: number,
  ): Promise<number> {
    for (const connectionId of await this.deps.agents.locate(organizationId, agentId, now)) {
      const outcome = await this.#post(connectionId, message, agentId);
      if (outcome === "done") return 1;
      // Whether it arrived is not known, and twice is worse than not at all.
      if (outcome === "failed") return 0;
    }
    return 0;
  }

  async #deliver(message: DeliveryMessage, subscribers: Subscriber[]) {
    const reached = new Set<string>();
    await pLimit(CONCURRENCY).map(subscribers, async (subscriber) => {
      const { connectionId, agentId, instanceId } = subscriber;
      const outcome = await this.#post(connectionId, message, agentId);
      if (outcome === "done") reached.add(`${agentId}#${instanceId}`);
    });
    return reached.size;
  }

  async #post(
    connectionId: string,
    message: DeliveryMessage,
    agentId: string,
  ): Promise<Outcome | "failed"> {
    const { connections, subscriptions, log } = this.deps;
    try {
      const outcome = await connections.post(connectionId, message);
      if (outcome === "gone") await subscriptions.removeConnection(connectionId);
      return outcome;
    } catch (error) {
      // At most once: a message that one subscriber can't take is not kept for it.
      log.warn({ event: "delivery_failed", connectionId, agentId, error: String(error) });
      return "failed";
    }
  }
}
