/** A remote agent that the test controls: it goes online and offline, publishes, requests, and answers. */

import {
  type MessageContext,
  type MessageHandler,
  matchesSubject,
  NoReceiverError,
  RemoteError,
} from "@agent-heartbeat/sdk";
import { type AgentPresence, agentToken, type OfflineReason } from "@agent-heartbeat/sdk/protocol";
import { traceOf } from "../../../core/trace-context";
import type { FakeFleet } from "./fleet";

const DAY_MS = 86_400_000;

/** A message on its way through the fake service. */
export interface FakeMessage {
  subject: string;
  data: unknown;
  from: string;
  to?: string | undefined;
  capability?: string | undefined;
  replyTo?: string | undefined;
  expiresInMs?: number | undefined;
  attempt?: number | undefined;
  traceparent?: string | undefined;
  tracestate?: string | undefined;
}

/** The only receiver of a message: a named agent, or one with a capability. */
export type FakeReceiver = Pick<FakeMessage, "to" | "capability">;

/** What a remote agent needs of the service. */
export interface RemoteService {
  fleet: FakeFleet;
  now(): number;
  /** @returns how many processes it reached */
  deliver(message: FakeMessage): number;
}

/** Made by `FakeService.agent()`. */
export class RemoteAgent {
  /** Every message that it received, in order. */
  readonly received: (Pick<FakeMessage, "subject" | "data"> & MessageContext)[] = [];
  readonly #handlers = new Map<MessageHandler, string>();
  readonly #asked = new Map<string, (data: unknown, from: string) => void>();
  readonly #service: RemoteService;
  #questions = 0;

  /** @internal */
  constructor(
    readonly agentId: string,
    service: RemoteService,
  ) {
    this.#service = service;
  }

  /** Brings the agent online, or renews its lease. The lease is a day, so that it stays online until the test changes that. */
  online(fields: Partial<AgentPresence> = {}): this {
    const lease = { leaseMs: DAY_MS, leaseExpiresAt: this.#service.now() + DAY_MS };
    this.#service.fleet.online(this.agentId, { ...lease, ...fields });
    return this;
  }

  /** Takes the agent offline: it receives no messages. */
  offline(reason: OfflineReason = "connection_lost"): this {
    this.#service.fleet.offline(this.agentId, reason);
    return this;
  }

  /** Its work stalls. */
  stall(): void {
    this.#service.fleet.stall(this.agentId, this.#service.now());
  }

  /** Its work advances again. */
  recover(): void {
    this.#service.fleet.stall(this.agentId, null);
  }

  /**
   * Handles messages, and answers requests, as `onMessage()` of an agent does, while it is online.
   *
   * @returns a function that removes the handler
   */
  onMessage(pattern: string, handler: MessageHandler): () => void {
    this.#handlers.set(handler, pattern);
    return () => this.#handlers.delete(handler);
  }

  /** @returns how many processes the message reached */
  publish(subject: string, data: unknown = null, receiver: FakeReceiver = {}): number {
    return this.#service.deliver({ subject, data, from: this.agentId, ...receiver });
  }

  /**
   * Sends a request and waits for its answer, without a timeout.
   *
   * @throws NoReceiverError if it reaches no receiver.
   * @throws RemoteError if it is answered with an error.
   */
  request(subject: string, data: unknown = null, receiver: FakeReceiver = {}): Promise<unknown> {
    this.#questions += 1;
    const replyTo = `_inbox.${agentToken(this.agentId)}.${this.#questions}`;
    return new Promise((resolve, reject) => {
      this.#asked.set(replyTo, (answer, from) => {
        this.#asked.delete(replyTo);
        const { error, result } = answer as { error?: { code: string; message: string } } & {
          result?: unknown;
        };
        if (!error) resolve(result);
        else reject(new RemoteError(error.code, from, error.message));
      });
      const message = { subject, data, from: this.agentId, ...receiver, replyTo };
      if (this.#service.deliver(message) === 0) {
        this.#asked.delete(replyTo);
        reject(new NoReceiverError(`${subject}: expected an answer, got nobody`));
      }
    });
  }

  /** @internal Whether the service brings it a message. */
  takes({ subject, to }: FakeMessage): boolean {
    if (this.#asked.has(subject)) return true;
    if (this.#service.fleet.agents.get(this.agentId)?.status !== "online") return false;
    if (to !== undefined) return to === this.agentId;
    return [...this.#handlers.values()].some((pattern) => matchesSubject(pattern, subject));
  }

  /** @internal */
  async receive(message: FakeMessage): Promise<void> {
    const { subject, data, from, replyTo, attempt } = message;
    const settle = this.#asked.get(subject);
    if (settle) return settle(data, from);
    const trace = traceOf(message);
    const context = { from, ...(attempt !== undefined && { attempt }), ...trace };
    this.received.push({ subject, data, ...context });
    const [handle] =
      [...this.#handlers].find(([, pattern]) => matchesSubject(pattern, subject)) ?? [];
    const answer = await answerOf(handle && (() => handle(subject, data, { from, ...trace })));
    if (replyTo) this.#service.deliver({ subject: replyTo, data: answer, from: this.agentId });
  }
}

async function answerOf(handle: (() => unknown) | undefined): Promise<object> {
  if (!handle) return { error: { code: "no_handler", message: "there is no handler" } };
  try {
    return { result: (await handle()) ?? null };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { error: { code: "handler_failed", message } };
  }
}
