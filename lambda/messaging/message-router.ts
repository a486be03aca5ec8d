/** Delivers messages: finds their receivers, posts to all of them in parallel, and removes connections that are gone. */

import pLimit from "p-limit";
import type { DeliveryMessage } from "../../core/protocol";
import type { Connections, Outcome } from "../shared/connections";
import type { Log } from "../shared/log";
import type { Subscriber, SubscriptionStore } from "./subscriptions";

/** Posts under way at once. */
const CONCURRENCY = 64;

/** How long posts of a message are begun, however many there are to make and however slow they are. */
const POSTING_MS = 8000;

/** Finds the connections that an agent is online with, the likeliest first. */
export interface AgentLocator {
  locate(organizationId: string, agentId: string, now: number): Promise<string[]>;
}

export interface MessageRouterDependencies {
  subscriptions: Pick<SubscriptionStore, "find" | "removeConnection">;
  agents: AgentLocator;
  connections: Pick<Connections, "post">;
  log: Log;
  /** Milliseconds from any start. @default performance.now */
  monotonic?: () => number;
}

/** What became of a message. */
export interface Delivery {
  /** How many processes it reached; one with two connections counts once. */
  reached: number;
  /** How many posts were made. */
  posts: number;
  /** False if there were more subscribers than one message can reach. */
  complete: boolean;
}

export class MessageRouter {
  constructor(private readonly deps: MessageRouterDependencies) {}

  /**
   * Delivers a message to the subscribers of its subject.
   *
   * @param now epoch milliseconds
   */
  async publish(organizationId: string, message: DeliveryMessage, now: number): Promise<Delivery> {
    const { subject } = message;
    const { subscribers, complete } = await this.deps.subscriptions.find(
      organizationId,
      subject,
      now,
    );
    const delivery = await this.#deliver(message, subscribers);
    if (delivery.complete && complete) return delivery;
    this.deps.log.warn({ event: "message_incomplete", organizationId, subject, ...delivery });
    return { ...delivery, complete: false };
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

  async #deliver(message: DeliveryMessage, subscribers: Subscriber[]): Promise<Delivery> {
    const { monotonic = () => performance.now() } = this.deps;
    const endsAt = monotonic() + POSTING_MS;
    const reached = new Set<string>();
    let posts = 0;
    await pLimit(CONCURRENCY).map(subscribers, async (subscriber) => {
      if (monotonic() >= endsAt) return;
      posts += 1;
      const { connectionId, agentId, instanceId } = subscriber;
      const outcome = await this.#post(connectionId, message, agentId);
      if (outcome === "done") reached.add(`${agentId}#${instanceId}`);
    });
    return { reached: reached.size, posts, complete: posts === subscribers.length };
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
