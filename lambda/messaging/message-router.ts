/** Delivers messages: finds who wants them, posts to all at once, and forgets connections that are gone. */

import type { DeliveryMessage } from "../../core/protocol";
import { forEachConcurrently } from "../shared/concurrency";
import type { Connections } from "../shared/connections";
import type { Log } from "../shared/log";
import type { Subscriber, SubscriptionStore } from "./subscriptions";

/** Posts under way at once. */
const CONCURRENCY = 64;

/** Finds the connection that an agent is online with. */
export interface AgentLocator {
  locate(organizationId: string, agentId: string, now: number): Promise<Subscriber | undefined>;
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
    const subscriber = await this.deps.agents.locate(organizationId, agentId, now);
    return subscriber ? this.#deliver(message, [subscriber]) : 0;
  }

  async #deliver(message: DeliveryMessage, subscribers: Subscriber[]): Promise<number> {
    const { connections, subscriptions, log } = this.deps;
    const reached = new Set<string>();
    await forEachConcurrently(subscribers, CONCURRENCY, async (subscriber) => {
      const { connectionId, agentId, instanceId } = subscriber;
      try {
        if ((await connections.post(connectionId, message)) === "done") {
          reached.add(`${agentId}#${instanceId}`);
        } else {
          await subscriptions.removeConnection(connectionId);
        }
      } catch (error) {
        // At most once: a message that one subscriber can't take is not kept for it.
        log.warn({ event: "delivery_failed", connectionId, agentId, error: String(error) });
      }
    });
    return reached.size;
  }
}
