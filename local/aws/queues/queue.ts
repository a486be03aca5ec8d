/** Plays a standard queue of SQS: delays, hides and keeps messages by the runtime's clock. */

import { randomUUID } from "node:crypto";
import type { Clock, Timer } from "../clock";
import type { QueueDescription } from "../resources/queue";

export interface Message {
  id: string;
  body: string;
  sentAt: number;
  receives: number;
  firstReceivedAt: number;
}

export interface QueueOptions {
  description: QueueDescription;
  clock: Clock;
  /** Takes a message that was received too often. */
  deadLetter(message: Message): void;
}

export class LocalQueue {
  readonly description: QueueDescription;
  readonly #options: QueueOptions;
  #visible: Message[] = [];
  /** Messages that will become visible: delayed, or received and not yet deleted. */
  readonly #hidden = new Map<string, Timer>();
  #onArrival = () => {};

  constructor(options: QueueOptions) {
    this.description = options.description;
    this.#options = options;
  }

  /** Messages that are kept, visible or not. */
  get size(): number {
    return this.#visible.length + this.#hidden.size;
  }

  /** Called whenever a message becomes visible. */
  onArrival(listener: () => void): void {
    this.#onArrival = listener;
  }

  send(body: string, delayMs = this.description.delayMs): Message {
    const sentAt = this.#options.clock.now();
    const message = { id: randomUUID(), body, sentAt, receives: 0, firstReceivedAt: 0 };
    if (delayMs > 0) this.#hide(message, delayMs);
    else this.#show(message);
    return message;
  }

  /** Up to `max` visible messages, which stay hidden for a while and come back unless they are deleted. */
  receive(max: number): Message[] {
    const { clock, deadLetter } = this.#options;
    const { retentionMs, visibilityMs, deadLetters } = this.description;
    const received: Message[] = [];
    while (received.length < max) {
      const message = this.#visible.shift();
      if (!message) break;
      if (clock.now() - message.sentAt >= retentionMs) continue;
      if (deadLetters && message.receives >= deadLetters.maxReceives) {
        deadLetter(message);
        continue;
      }
      message.receives += 1;
      message.firstReceivedAt ||= clock.now();
      this.#hide(message, visibilityMs);
      received.push(message);
    }
    return received;
  }

  delete(message: Message): void {
    this.#hidden.get(message.id)?.cancel();
    this.#hidden.delete(message.id);
  }

  /** Forgets every message. */
  stop(): void {
    for (const timer of this.#hidden.values()) timer.cancel();
    this.#hidden.clear();
    this.#visible = [];
    this.#onArrival = () => {};
  }

  #hide(message: Message, ms: number): void {
    const timer = this.#options.clock.after(ms, () => {
      this.#hidden.delete(message.id);
      this.#show(message);
    });
    this.#hidden.set(message.id, timer);
  }

  #show(message: Message): void {
    this.#visible.push(message);
    this.#onArrival();
  }
}
