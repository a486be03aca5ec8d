/** Hands incoming messages to the handlers of their subject, none of which can hold up the connection. */

import { matchesSubject } from "./subject";
import { checkPattern } from "./subject-check";

/** What a handler is told beside subject and data. */
export interface MessageContext {
  /** The agent id of the sender, where the server names one. */
  from?: string;
}

/** Handles a message. What it throws or rejects with is reported and goes no further. */
export type MessageHandler = (
  subject: string,
  data: unknown,
  context: MessageContext,
) => unknown | Promise<unknown>;

/** Hears what the handlers do. */
export interface DispatchListener {
  failed(subject: string, error: unknown): void;
  /** A handler was started or has ended. */
  changed(inFlight: number): void;
}

export class Dispatcher {
  readonly #handlers = new Set<{ pattern: string; handler: MessageHandler }>();
  readonly #idle: (() => void)[] = [];
  #inFlight = 0;
  #closed = false;

  constructor(private readonly listener: DispatchListener) {}

  /** Handlers that are running. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * Registers a handler for a subject or pattern.
   *
   * @returns a function that takes it away again
   * @throws SubjectError if the pattern is not one.
   */
  add(pattern: string, handler: MessageHandler): () => void {
    checkPattern(pattern);
    const entry = { pattern, handler };
    this.#handlers.add(entry);
    return () => this.#handlers.delete(entry);
  }

  /**
   * Starts every handler that the subject falls to and waits for none.
   *
   * @returns how many were started
   */
  dispatch(subject: string, data: unknown, context: MessageContext): number {
    if (this.#closed) return 0;
    const fitting = [...this.#handlers].filter(({ pattern }) => matchesSubject(pattern, subject));
    for (const { handler } of fitting) void this.#run(handler, subject, data, context);
    return fitting.length;
  }

  /** Starts no handler from now on. */
  close(): void {
    this.#closed = true;
  }

  /** Resolves when no handler is running. */
  idle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  async #run(handler: MessageHandler, subject: string, data: unknown, context: MessageContext) {
    this.#count(1);
    try {
      // Not in the caller's turn: a handler that blocks must not delay the frame behind.
      await Promise.resolve();
      await handler(subject, data, context);
    } catch (error) {
      this.listener.failed(subject, error);
    } finally {
      this.#count(-1);
      if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  #count(change: number): void {
    this.#inFlight += change;
    this.listener.changed(this.#inFlight);
  }
}
