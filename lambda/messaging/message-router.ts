/** Delivers messages: finds their receivers, draws one of each group, posts in parallel, and removes connections that are gone. */

import pLimit from "p-limit";
import { LIMITS } from "../../core/limits";
import type { DeliveryMessage } from "../../core/protocol";
import type { Connections, Outcome } from "../shared/connections";
import type { Log } from "../shared/log";
import type { CapableAgents } from "./capable-agents";
import type { OpenRequest, OpenRequests } from "./open-requests";
import type { Subscriber } from "./subscription-reader";
import type { SubscriptionStore } from "./subscriptions";

/** Posts under way at once. */
const CONCURRENCY = 64;

/** How long posts of a message are begun, however many there are to make and however slow they are. */
const POSTING_MS = 8000;

export interface AgentLocator {
  /** The process that an agent is online with; undefined if it is offline. */
  locate(organizationId: string, agentId: string, now: number): Promise<Located | undefined>;
  /** An agent that takes work: undefined if it is offline, draining, blocked or stalled. */
  worker(organizationId: string, agentId: string, now: number): Promise<Worker | undefined>;
}

/** An agent's process. */
export interface Located {
  instanceId: string;
  /** Its connections, the likeliest first. */
  connections: string[];
  /** Epoch milliseconds. */
  lastHeartbeatAt: number;
}

/** An agent that takes work. */
export interface Worker extends Located {
  /** How many messages it was handling at its last heartbeat. */
  load: number;
}

export interface MessageRouterDependencies {
  subscriptions: Pick<SubscriptionStore, "find" | "removeConnection">;
  capable: Pick<CapableAgents, "find">;
  agents: AgentLocator;
  connections: Pick<Connections, "post">;
  requests: Pick<OpenRequests, "add" | "remove">;
  log: Log;
  /** Milliseconds from any start. @default performance.now */
  monotonic?: () => number;
  /** From 0 to below 1: draws members of groups, and agents with a capability. @default Math.random */
  random?: () => number;
}

/** What became of a message. */
export interface Delivery {
  /** How many processes it reached, one with two connections counting once, and how many groups. */
  reached: number;
  /** How many posts were made. */
  posts: number;
  /** False if there were more subscribers than one message can reach. */
  complete: boolean;
}

export class MessageRouter {
  constructor(private readonly deps: MessageRouterDependencies) {}

  /**
   * Delivers a message to the subscribers of its subject, and to one member of each group.
   *
   * @param now epoch milliseconds
   */
  async publish(organizationId: string, message: DeliveryMessage, now: number): Promise<Delivery> {
    const { subscriptions, log, monotonic = () => performance.now() } = this.deps;
    const { subject } = message;
    const found = await subscriptions.find(organizationId, subject, now);
    const endsAt = monotonic() + POSTING_MS;
    const reached = new Set<string>();
    let posts = 0;
    let { complete } = found;
    const isOnlyOne = found.groups.size === 1 && found.subscribers.length === 0;
    const limit = pLimit(CONCURRENCY);
    const begin = (deliver: () => Promise<void>) =>
      limit(async () => {
        if (monotonic() < endsAt) await deliver();
        else complete = false;
      });
    const post = async (connectionId: string, agentId: string, delivered: DeliveryMessage) => {
      posts += 1;
      return this.#post(connectionId, delivered, agentId);
    };
    const toSubscriber = async ({ connectionId, agentId, instanceId }: Subscriber) => {
      const outcome = await post(connectionId, agentId, message);
      if (outcome === "done") reached.add(`${agentId}#${instanceId}`);
    };
    const toGroup = async (group: string, members: Subscriber[]) => {
      const messageId = `${message.messageId}:${group}`;
      const delivered = { ...message, messageId, group };
      const toMember = ({ connectionId, agentId }: Subscriber) =>
        post(connectionId, agentId, delivered);
      const waiting = isOnlyOne ? message : undefined;
      if (await this.#toOne(members, waiting, now, toMember)) reached.add(group);
    };
    await Promise.all([
      ...found.subscribers.map((subscriber) => begin(() => toSubscriber(subscriber))),
      ...[...found.groups].map(([group, members]) => begin(() => toGroup(group, members))),
    ]);
    const delivery = { reached: reached.size, posts, complete };
    if (!complete) log.warn({ event: "message_incomplete", organizationId, subject, ...delivery });
    return delivery;
  }

  /**
   * Delivers a message to one agent that has a capability.
   *
   * @param now epoch milliseconds
   * @returns 1, or 0 if none that has it takes work
   */
  async sendToCapable(
    organizationId: string,
    capability: string,
    message: DeliveryMessage,
    now: number,
  ): Promise<number> {
    const found = await this.deps.capable.find(organizationId, capability, now);
    const post = ({ connectionId, agentId }: Subscriber) =>
      this.#post(connectionId, message, agentId);
    return (await this.#toOne(found, message, now, post)) ? 1 : 0;
  }

  /**
   * Posts to the best of several, and to the next one where its connection is gone.
   *
   * @param request what to note while it is open
   * @returns whether it was delivered
   */
  async #toOne(
    members: Subscriber[],
    request: DeliveryMessage | undefined,
    now: number,
    post: (candidate: Subscriber) => Promise<Outcome | "failed">,
  ): Promise<boolean> {
    for await (const candidate of this.#candidates(members, now)) {
      const open = request && openRequest(candidate, request, now);
      const outcome = await this.#expecting(open, () => post(candidate));
      // Whether it arrived is not known, and twice is worse than not at all.
      if (outcome !== "gone") return outcome === "done";
    }
    return false;
  }

  /**
   * The connections to try of a group, or of agents with a capability, best first: drawn two by two at random, the less busy one first. A member
   * that takes no work, or whose subscription is that of a process or connection which lost the row, is left out.
   */
  async *#candidates(members: Subscriber[], now: number): AsyncGenerator<Candidate> {
    const { agents, log, random } = this.deps;
    const processes = drawn(byProcess(members), random).slice(0, LIMITS.membersTried);
    while (processes.length > 0) {
      const pair = await Promise.all(
        processes.splice(0, 2).map(async ([first, ...others]) => {
          const { organizationId, agentId, instanceId } = first;
          const worker = await agents.worker(organizationId, agentId, now).catch((error) => {
            log.warn({ event: "member_not_read", agentId, error: String(error) });
            return undefined;
          });
          if (worker?.instanceId !== instanceId) return { load: 0, open: [] };
          const { load, lastHeartbeatAt } = worker;
          const open = worker.connections.flatMap((connectionId) =>
            [first, ...others].filter((each) => each.connectionId === connectionId).slice(0, 1),
          );
          return { load, open: open.map((each) => ({ ...each, lastHeartbeatAt })) };
        }),
      );
      for (const { open } of pair.sort((a, b) => a.load - b.load)) yield* open;
    }
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
    const located = await this.deps.agents.locate(organizationId, agentId, now);
    if (!located) return 0;
    const { connections, ...process } = located;
    const request = openRequest({ organizationId, agentId, ...process }, message, now);
    const outcome = await this.#expecting(request, async () => {
      for (const connectionId of connections) {
        const outcome = await this.#post(connectionId, message, agentId);
        // Whether it arrived is not known, and twice is worse than not at all.
        if (outcome !== "gone") return outcome;
      }
      return "gone";
    });
    return outcome === "done" ? 1 : 0;
  }

  /**
   * Notes a request while it is open, before the agent that gets it can be lost.
   *
   * @returns `failed` too if its requester may already know that the agent is lost
   */
  async #expecting(
    request: OpenRequest | undefined,
    post: () => Promise<Outcome | "failed">,
  ): Promise<Outcome | "failed"> {
    if (!request) return post();
    const { requests, log } = this.deps;
    const { agentId } = request;
    // Without the note, the requester waits for the end of its time.
    const failed = (error: unknown): undefined => {
      log.warn({ event: "request_not_noted", agentId, error: String(error) });
    };
    const noted = await requests.add(request).then(() => "noted", failed);
    const outcome = await post();
    if (outcome !== "gone" || !noted) return outcome;
    // The requester has received the error and sends the request again, so it must not be sent to another agent as well.
    return (await requests.remove(request).catch(failed)) === "removed" ? "gone" : "failed";
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

/** Who gets a message alone. */
type Receiver = Pick<OpenRequest, "organizationId" | "agentId" | "instanceId" | "lastHeartbeatAt">;

/** A member of a group that takes work. */
type Candidate = Subscriber & Receiver;

/** What to note of a message to one agent; undefined if its sender waits for no answer. */
function openRequest(
  receiver: Receiver,
  { replyTo, expiresInMs, attempt }: DeliveryMessage,
  now: number,
): OpenRequest | undefined {
  if (replyTo === undefined || expiresInMs === undefined) return undefined;
  const { organizationId, agentId, instanceId, lastHeartbeatAt } = receiver;
  const expiresAt = now + expiresInMs;
  return { organizationId, agentId, instanceId, lastHeartbeatAt, replyTo, attempt, expiresAt };
}

/** One process's subscriptions: it has two where it moves to another connection, or has several patterns. */
type Process = [Subscriber, ...Subscriber[]];

function byProcess(members: Subscriber[]): Process[] {
  const processes = new Map<string, Process>();
  for (const member of members) {
    const key = `${member.agentId}#${member.instanceId}`;
    const known = processes.get(key);
    if (known) known.push(member);
    else processes.set(key, [member]);
  }
  return [...processes.values()];
}

/** In an order that is drawn at random. */
function drawn<T>(all: T[], random = Math.random): T[] {
  return all
    .map((each) => ({ each, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ each }) => each);
}
