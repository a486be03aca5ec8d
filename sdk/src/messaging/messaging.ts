/** An agent's messages: received, published, requests and answers. */

import { type Delivery, deliveryKey } from "../../../core/server-messages";
import { RESERVED } from "../../../core/subject";
import { type TraceContext, traceOf } from "../../../core/trace-context";
import { millis, whole } from "../checks";
import { notConnected } from "../connection/connection";
import type { ManagerPort } from "../connection/manager-port";
import { inBrowser } from "../platform/in-browser";
import type { Runtime } from "../platform/runtime";
import { describe } from "../user-code";
import { ActivityReporter } from "./activity-reporter";
import { Answer, type Reply } from "./answer";
import { Deadlines } from "./deadlines";
import {
  Dispatcher,
  type DispatchLimits,
  type HandlerOptions,
  type MessageContext,
  type MessageHandler,
  type MessageReporter,
} from "./dispatcher";
import {
  type Outgoing,
  Publisher,
  type PublisherConnection,
  type PublisherOptions,
} from "./publisher";
import { Questions } from "./questions";
import { type TaskScope, Work } from "./work";

/** How many message ids are remembered, to recognize a repeated message. */
const REMEMBERED = 1_000;

export interface MessagingOptions extends PublisherOptions {
  limits: DispatchLimits;
  requestTimeoutMs: number;
  runtime: Pick<Runtime, "now" | "monotonic" | "setTimeout" | "clearTimeout">;
  scope: TaskScope;
}

/** The part of the connection that carries messages, subscriptions and the activity. */
export type MessagingConnection = PublisherConnection &
  Pick<ManagerPort, "setSubscriptions" | "setActivity">;

/** The receiver of a message. */
export interface PublishOptions {
  /** Sends it only to this agent, whether it has a subscription or not. */
  to?: string | undefined;
  /**
   * Sends it to a single agent with this capability that is online, and not draining, blocked or stalled, whether it has
   * a subscription or not. Not together with `to`.
   */
  capability?: string | undefined;
}

export interface RequestOptions extends PublishOptions {
  /** How long to wait, in seconds: 0.1 to 86400. @default the agent's `requestTimeout` */
  timeout?: number | undefined;
  /**
   * How many further agents may receive the request if its receiver is lost before it answers: 0 to 100. They receive it with
   * the same `messageId` and the next `attempt`. Ignored in browsers. @default 0
   */
  retries?: number | undefined;
  /**
   * Aborts the wait: `request()` rejects with the signal's reason, and ignores a later answer. A request that has not been sent
   * is not sent. An agent that already handles the request is not notified. Not in browsers.
   */
  signal?: AbortSignal | undefined;
}

export class Messaging {
  readonly #options: MessagingOptions;
  readonly #reporter: MessageReporter;
  readonly #connection: MessagingConnection;
  readonly #dispatcher: Dispatcher;
  readonly #publisher: Publisher;
  readonly #work: Work;
  readonly #activity: ActivityReporter;
  readonly #questions: Questions;
  readonly #deadlines: Deadlines;
  /** Answers that are being sent. */
  readonly #answering = new Set<Promise<unknown>>();
  readonly #recent = new Set<string>();

  constructor(
    options: MessagingOptions,
    connection: MessagingConnection,
    reporter: MessageReporter,
  ) {
    const { agentId, limits, runtime } = options;
    this.#options = options;
    this.#reporter = reporter;
    this.#connection = connection;
    this.#publisher = new Publisher(options, connection);
    this.#questions = new Questions(agentId, runtime, this.#publisher);
    // Pages do without: they hardly ever work for others.
    this.#deadlines = inBrowser ? (undefined as never) : new Deadlines(runtime);
    this.#work = new Work(() => runtime.monotonic());
    this.#activity = new ActivityReporter(this.#work, connection, runtime);
    this.#dispatcher = new Dispatcher(limits, (...args) => this.#run(...args), reporter);
  }

  get patterns(): string[] {
    return this.#dispatcher.patterns;
  }

  onMessage(pattern: string, handler: MessageHandler, options: HandlerOptions): () => void {
    const remove = this.#dispatcher.add(pattern, handler, options);
    this.#connection.setSubscriptions(this.patterns);
    return () => {
      remove();
      this.#connection.setSubscriptions(this.patterns);
    };
  }

  progress(note: string | undefined): void {
    if (this.#work.advance(this.#options.scope.getStore(), note)) this.#activity.changed();
  }

  publish(message: Outgoing): Promise<{ reached: number }> {
    return this.#publisher.publish(message, this.#options.requestTimeoutMs);
  }

  async request(
    subject: string | undefined,
    data: unknown,
    { timeout, retries, signal, ...rest }: RequestOptions & TraceContext,
  ): Promise<unknown> {
    const { requestTimeoutMs } = this.#options;
    const timeoutMs =
      timeout === undefined ? requestTimeoutMs : millis("timeout", timeout, 0.1, 86_400);
    return this.#questions.ask(
      { subject, data, ...rest },
      timeoutMs,
      inBrowser ? 0 : whole("retries", retries ?? 0, 0, 100),
      signal,
    );
  }

  /** Takes a message from the server. */
  receive(message: Delivery): void {
    const { from, messageId, attempt, expiresInMs, replyTo } = message;
    const trace = inBrowser ? {} : traceOf(message);
    if (this.#isRepeated(deliveryKey(message))) return;
    if (message.subject.startsWith(`${RESERVED.inbox}.`)) {
      this.#questions.answered(message);
      return;
    }
    const deadline =
      inBrowser || replyTo === undefined || expiresInMs === undefined
        ? undefined
        : this.#deadlines.begin(expiresInMs);
    this.#dispatcher.dispatch({
      ...message,
      context: { from, messageId, attempt, ...trace, ...deadline?.context },
      answer:
        replyTo === undefined
          ? null
          : new Answer((reply) => {
              if (!deadline?.end()) this.#reply(replyTo, { ...reply, attempt });
            }),
    });
  }

  /** Takes no further message; those that came before are still handled. */
  refuse(): void {
    this.#dispatcher.refuse();
  }

  /** Starts no handler from now on. */
  close(): void {
    this.#dispatcher.close();
  }

  /** The same, and from now on heartbeats say so. */
  drain(): void {
    this.close();
    this.#activity.drain();
  }

  /** Gives up what was asked: no answer can come any more. */
  end(): void {
    this.close();
    if (!inBrowser) this.#deadlines.abort();
    this.#questions.fail(notConnected(this.#options.agentId));
  }

  /** Whether the caller is a handler that waits, or has waited, for the end of all others. */
  get isLeaving(): boolean {
    return this.#options.scope.getStore()?.leaves ?? false;
  }

  /** For a handler that waits for the end of all others; undefined for any other caller. */
  othersEnd(): Promise<void> | undefined {
    return this.#work.othersEnd(this.#options.scope.getStore());
  }

  /** Resolves when no handler runs, and what they answered is sent. */
  async idle(): Promise<void> {
    await this.#dispatcher.idle();
    await Promise.all(this.#answering);
  }

  async #run(
    handle: () => unknown | Promise<unknown>,
    subject: string,
    maxSilenceMs: number | undefined,
  ): Promise<unknown> {
    const task = this.#work.begin(subject, maxSilenceMs);
    this.#activity.changed();
    try {
      // Not in the caller's turn: a handler that blocks must not delay the frame behind.
      await Promise.resolve();
      return await this.#options.scope.run(task, handle);
    } finally {
      this.#work.end(task);
      this.#activity.changed();
    }
  }

  #reply(replyTo: string, reply: Reply & Pick<MessageContext, "attempt">): void {
    const sent = this.publish({ subject: replyTo, data: reply })
      .catch((error: unknown) => {
        if (!("result" in reply)) throw error;
        const fault = { code: "handler_failed", message: `the answer: ${describe(error)}` };
        return this.publish({ subject: replyTo, data: { error: fault, attempt: reply.attempt } });
      })
      .catch((error: unknown) => this.#reporter.reportFailure(replyTo, error));
    this.#answering.add(sent);
    void sent.then(() => this.#answering.delete(sent));
  }

  #isRepeated(key: string | undefined): boolean {
    if (key === undefined) return false;
    if (this.#recent.has(key)) return true;
    this.#recent.add(key);
    if (this.#recent.size > REMEMBERED) {
      const [oldest = ""] = this.#recent;
      this.#recent.delete(oldest);
    }
    return false;
  }
}
