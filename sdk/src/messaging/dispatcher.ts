/**
 * Hands incoming messages to the handlers of their subject: so many at once, those of one subject one
 * after the other, and never so that the connection has to wait.
 */

import { RESERVED } from "../../../core/protocol";
import { matchesSubject } from "../../../core/subject";
import { millis } from "../checks";
import type { Answer } from "./answer";
import { checkPattern } from "./subject-check";

/** What a handler is told beside subject and data. */
export interface MessageContext {
  /** The agent id of the sender; `service`, or `event:<source>` for the event bus. */
  from?: string;
  messageId?: string;
}

/** Handles a message. What it returns answers a request; what it throws is reported. */
export type MessageHandler = (
  subject: string,
  data: unknown,
  context: MessageContext,
) => unknown | Promise<unknown>;

/** How a handler is called. */
export interface HandlerOptions {
  /** Whether it may be at several messages of one subject at once, in any order. @default false */
  concurrent?: boolean | undefined;
  /**
   * How long it may go without `agent.progress()`, in seconds, before the agent reads as stalled: 1 to
   * 86400. @default for ever
   */
  maxSilence?: number | undefined;
}

/** A message on its way to its handlers. */
export interface Incoming {
  subject: string;
  data: unknown;
  context: MessageContext;
  /** Where it is a request. */
  answer: Answer | null;
}

interface Handler {
  pattern: string;
  handle: MessageHandler;
  concurrent: boolean;
  maxSilenceMs: number | undefined;
  /** By subject, while there is something to do. */
  chains: Map<string, Chain>;
}

/** Messages of one subject for one handler. */
interface Chain {
  handler: Handler;
  subject: string;
  running: boolean;
  waiting: Incoming[];
}

/** Why a message is not handled. */
export type DropReason = "queue_full" | "ended";

/** Runs handlers, and hears what becomes of messages. */
export interface DispatchListener {
  run(
    handle: () => unknown | Promise<unknown>,
    subject: string,
    maxSilenceMs: number | undefined,
  ): Promise<unknown>;
  failed(subject: string, error: unknown): void;
  dropped(subject: string, reason: DropReason): void;
}

export interface DispatchLimits {
  /** Handlers that run at once. */
  concurrency: number;
  /** Messages that wait for one. */
  queue: number;
}

export class Dispatcher {
  readonly #handlers = new Set<Handler>();
  readonly #idle: (() => void)[] = [];
  /** Chains whose next message may be handled, the one that waits longest first. */
  readonly #ready: Chain[] = [];
  #running = 0;
  #waiting = 0;
  #accepts = true;
  #closed = false;

  constructor(
    private readonly limits: DispatchLimits,
    private readonly listener: DispatchListener,
  ) {}

  /** What the handlers are for, each pattern once. */
  get patterns(): string[] {
    return [...new Set([...this.#handlers].map(({ pattern }) => pattern))];
  }

  /**
   * @returns a function that takes the handler away again
   * @throws SubjectError if the pattern is not one.
   * @throws ConfigurationError if an option is out of its limits.
   */
  add(pattern: string, handle: MessageHandler, options: HandlerOptions): () => void {
    checkPattern(pattern, RESERVED.inbox);
    const { concurrent = false, maxSilence } = options;
    const maxSilenceMs =
      maxSilence === undefined ? undefined : millis("maxSilence", maxSilence, 1, 86_400);
    const handler = { pattern, handle, concurrent, maxSilenceMs, chains: new Map() };
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Hands a message to every handler that it falls to, and waits for none. */
  dispatch(message: Incoming): void {
    const fitting = [...this.#handlers].filter(({ pattern }) =>
      matchesSubject(pattern, message.subject),
    );
    message.answer?.expect(fitting.length);
    for (const handler of fitting) this.#take(handler, message);
  }

  /** Takes no further message; those that wait are still handled. */
  refuse(): void {
    this.#accepts = false;
  }

  /** Starts no handler from now on. */
  close(): void {
    if (this.#closed) return;
    this.#accepts = false;
    this.#closed = true;
    const chains = [...this.#handlers].flatMap((handler) => [...handler.chains.values()]);
    for (const { waiting } of [...chains, ...this.#ready]) this.#drop(waiting.splice(0), "ended");
    this.#ready.length = 0;
    this.#waiting = 0;
  }

  /** Resolves when no handler is running. */
  idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #take(handler: Handler, message: Incoming): void {
    const { subject } = message;
    const chain = handler.chains.get(subject) ?? {
      handler,
      subject,
      running: false,
      waiting: [],
    };
    const blocked = chain.running || chain.waiting.length > 0;
    const waits = blocked || this.#running >= this.limits.concurrency;
    if (!this.#accepts || (waits && this.#waiting >= this.limits.queue)) {
      this.#drop([message], this.#accepts ? "queue_full" : "ended");
      return;
    }
    // A chain of its own for each message lets them overtake each other.
    if (!handler.concurrent) handler.chains.set(subject, chain);
    chain.waiting.push(message);
    this.#waiting += 1;
    if (!blocked) this.#ready.push(chain);
    this.#start();
  }

  #start(): void {
    while (!this.#closed && this.#running < this.limits.concurrency) {
      const chain = this.#ready.shift();
      const message = chain?.waiting.shift();
      if (!chain || !message) return;
      this.#waiting -= 1;
      void this.#handle(chain, message);
    }
  }

  async #handle(chain: Chain, { subject, data, context, answer }: Incoming): Promise<void> {
    const { handler } = chain;
    chain.running = true;
    this.#running += 1;
    try {
      const handle = () =>
        this.#handlers.has(handler) ? handler.handle(subject, data, context) : undefined;
      const value = await this.listener.run(handle, subject, handler.maxSilenceMs);
      answer?.returned(value);
    } catch (error) {
      this.listener.failed(subject, error);
      answer?.failed("handler_failed", error);
    }
    chain.running = false;
    this.#running -= 1;
    if (chain.waiting.length > 0) this.#ready.push(chain);
    else if (!handler.concurrent) handler.chains.delete(subject);
    this.#start();
    if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #drop(messages: Incoming[], reason: DropReason): void {
    for (const { subject, answer } of messages) {
      this.listener.dropped(subject, reason);
      answer?.failed("unavailable", `the message was dropped: ${reason}`);
    }
  }
}
