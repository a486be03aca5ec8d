/** Typed events with isolated listeners, and the same events as an async iterator. */

import { callSafely } from "./user-code";

type Entry<Events> = readonly [
  name: keyof Events,
  listener: (event: never) => unknown,
  once: boolean | undefined,
];

/** Calls listeners in the order in which they were added; one that throws or rejects does not disturb the others. */
export class Emitter<Events extends object> {
  readonly #listeners = new Set<Entry<Events>>();

  constructor(private readonly onListenerError: (error: unknown) => void) {}

  /**
   * The same function added twice is called twice.
   *
   * @param once whether it is called for the next event alone
   * @returns a function that removes the listener
   */
  on<Name extends keyof Events>(
    name: Name,
    listener: (event: Events[Name]) => void,
    once?: boolean,
  ): () => void {
    const entry: Entry<Events> = [name, listener, once];
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /** Removes a listener, however often it was added. */
  off<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): void {
    for (const entry of this.#listeners) {
      if (entry[0] === name && entry[1] === listener) this.#listeners.delete(entry);
    }
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const entry of [...this.#listeners]) {
      if (entry[0] !== name) continue;
      // A listener before it may have caused a further event, which it was called for.
      if (entry[2] && !this.#listeners.delete(entry)) continue;
      callSafely(() => entry[1](event as never), this.onListenerError);
    }
  }
}

/** Hands a source's values to one `for await` loop, which may be slower than they come. */
export class Channel<T extends object> implements AsyncIterableIterator<T> {
  readonly #values: T[] = [];
  readonly #waiting: ((result: IteratorResult<T>) => void)[] = [];
  #ended = false;

  constructor(private readonly onEnd: () => void) {}

  push(value: T): void {
    if (this.#ended) return;
    const waiting = this.#waiting.shift();
    if (waiting) waiting({ value, done: false });
    else this.#values.push(value);
  }

  /** What was pushed before is still handed out. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd();
    for (const waiting of this.#waiting.splice(0)) waiting({ value: undefined, done: true });
  }

  async next(): Promise<IteratorResult<T>> {
    const value = this.#values.shift();
    if (value || this.#ended) return { value, done: !value } as IteratorResult<T>;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<T>> {
    this.#values.length = 0;
    this.end();
    return this.next();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
