/**
 * Hands incoming messages to the handlers of their subject: so many at once, those of one subject one
 * after the other, and never so that the connection has to wait.
 */

import type { Delivery } from "../../../core/server-messages";
import { matchesSubject, RESERVED } from "../../../core/subject";
import { checkId, millis, whole } from "../checks";
import { inBrowser } from "../platform/in-browser";
import type { Answer } from "./answer";
import { checkPattern } from "./subject-check";

/** What a handler receives beside subject and data. */
export interface MessageContext {
  /** The agent id of the sender; `service`, or `event:<source>` for the event bus. */
  from?: string | undefined;
  /** The same in every attempt of a request. */
  messageId?: string | undefined;
  /** The attempt of a request, from 1 on. An earlier attempt may have been handled, by this agent or another one. */
  attempt?: number | undefined;
  /** The deadline of a request, in epoch milliseconds by the local clock: after it, no answer is expected. Not in browsers. */
  deadline?: number | undefined;
  /** Aborted at the deadline. A request that is still queued then is not handled. Only for requests, and not in browsers. */
  signal?: AbortSignal | undefined;
  /** The W3C trace context of the sender, if it sent one. Not in browsers. */
  traceparent?: string | undefined;
  /** What tracing systems add to `traceparent`. Not in browsers. */
  tracestate?: string | undefined;
}

/** Handles a message. Its return value answers a request; an error that it throws is reported. */
export type MessageHandler<Data = unknown> = (
  subject: string,
  data: Data,
  context: MessageContext,
) => unknown | Promise<unknown>;

/** How a handler is called. */
export interface HandlerOptions {
  /**
   * Makes the agent a member of a group, for this pattern. Each message goes to one of all members, the less busy of two drawn
   * at random. @default - every agent receives it
   */
  group?: string | undefined;
  /**
   * How many messages of one subject it may handle at once: 1 to 10000. Above 1, they are handled in any order, and one that hangs
   * does not hold up the others. @default 1
   */
  concurrency?: number | undefined;
  /**
   * How long it may run without `agent.progress()`, in seconds, before the agent reads as stalled: 1 to
   * 86400. @default - no limit
   */
  maxSilence?: number | undefined;
}

/** A message on its way to its handlers. */
export interface Incoming extends Pick<Delivery, "subject" | "group" | "direct" | "data"> {
  context: MessageContext;
  /** Where it is a request. */
  answer: Answer | null;
}

interface Handler {
  pattern: string;
  group: string | undefined;
  handle: MessageHandler;
  concurrency: number;
  maxSilenceMs: number | undefined;
  /** By subject, while there is something to do. */
  chains: Map<string, Chain>;
}

/** Messages of one subject for one handler. */
interface Chain {
  handler: Handler;
  /** How many are running, or ready to. */
  handling: number;
  /** For one of them to end. */
  waiting: Incoming[];
}

/** Why a message is not handled. */
export type DropReason = "queue_full" | "ended" | "expired";

/** Runs a handler. */
export type RunHandler = (
  handle: () => unknown | Promise<unknown>,
  subject: string,
  maxSilenceMs: number | undefined,
) => Promise<unknown>;

/** Receives the outcome of messages. */
export interface MessageReporter {
  reportFailure(subject: string, error: unknown): void;
  reportDrop(subject: string, reason: DropReason): void;
}

export interface DispatchLimits {
  /** Handlers that run at once. */
  handlers: number;
  /** Messages that wait for one. */
  queue: number;
}

export class Dispatcher {
  readonly #handlers = new Set<Handler>();
  readonly #idle: (() => void)[] = [];
  /** What waits for nothing but a free handler, what has waited longest first. */
  readonly #ready: [Chain, Incoming][] = [];
  #running = 0;
  #waiting = 0;
  #accepts = true;
  #closed = false;

  constructor(
    private readonly limits: DispatchLimits,
    private readonly run: RunHandler,
    private readonly reporter: MessageReporter,
  ) {}

  /** What the handlers are for, each once: a pattern, and after a space its group. */
  get patterns(): string[] {
    const all = [...this.#handlers];
    return [...new Set(all.map(({ pattern, group }) => (group ? `${pattern} ${group}` : pattern)))];
  }

  /**
   * @returns a function that removes the handler
   * @throws SubjectError if the pattern is not one.
   * @throws ConfigurationError if an option is out of its limits.
   */
  add(pattern: string, handle: MessageHandler, options: HandlerOptions): () => void {
    checkPattern(pattern, RESERVED.inbox);
    const { concurrency = 1, maxSilence, group } = options;
    whole("concurrency", concurrency, 1, 10_000);
    if (group !== undefined) checkId("group", group);
    const maxSilenceMs =
      maxSilence === undefined ? undefined : millis("maxSilence", maxSilence, 1, 86_400);
    const handler = { pattern, group, handle, concurrency, maxSilenceMs, chains: new Map() };
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Hands a message to every handler that it falls to, and waits for none. */
  dispatch(message: Incoming): void {
    // What is for the agent alone is for its handlers of all groups.
    const fitting = [...this.#handlers].filter(
      ({ pattern, group }) =>
        (message.direct || group === message.group) && matchesSubject(pattern, message.subject),
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
    this.#accepts = false;
    this.#closed = true;
    const chains = [...this.#handlers].flatMap((handler) => [...handler.chains.values()]);
    const ready = this.#ready.splice(0).map(([, message]) => message);
    this.#drop([...ready, ...chains.flatMap(({ waiting }) => waiting.splice(0))], "ended");
    this.#waiting = 0;
  }

  /** Resolves when no handler is running. */
  idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #take(handler: Handler, message: Incoming): void {
    const { subject } = message;
    const chain = handler.chains.get(subject) ?? { handler, handling: 0, waiting: [] };
    const blocked = chain.handling >= handler.concurrency;
    const waits = blocked || this.#running >= this.limits.handlers;
    if (!this.#accepts || (waits && this.#waiting >= this.limits.queue)) {
      this.#drop([message], this.#accepts ? "queue_full" : "ended");
      return;
    }
    handler.chains.set(subject, chain);
    this.#waiting += 1;
    if (blocked) chain.waiting.push(message);
    else {
      chain.handling += 1;
      this.#ready.push([chain, message]);
    }
    this.#start();
  }

  #start(): void {
    while (!this.#closed && this.#running < this.limits.handlers) {
      const next = this.#ready.shift();
      if (!next) return;
      this.#waiting -= 1;
      this.#running += 1;
      void this.#handle(...next);
    }
  }

  async #handle(chain: Chain, { subject, data, context, answer }: Incoming): Promise<void> {
    const { handler } = chain;
    try {
      if (!inBrowser && context.signal?.aborted) this.reporter.reportDrop(subject, "expired");
      else {
        const handle = () =>
          this.#handlers.has(handler) ? handler.handle(subject, data, context) : undefined;
        const value = await this.run(handle, subject, handler.maxSilenceMs);
        answer?.returned(value);
      }
    } catch (error) {
      this.reporter.reportFailure(subject, error);
      answer?.fail("handler_failed", error);
    }
    this.#running -= 1;
    const next = chain.waiting.shift();
    if (next) this.#ready.push([chain, next]);
    else {
      chain.handling -= 1;
      if (chain.handling === 0) handler.chains.delete(subject);
    }
    this.#start();
    if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #drop(messages: Incoming[], reason: DropReason): void {
    for (const { subject, answer } of messages) {
      this.reporter.reportDrop(subject, reason);
      answer?.fail("unavailable", `the message was dropped: ${reason}`);
    }
  }
}
