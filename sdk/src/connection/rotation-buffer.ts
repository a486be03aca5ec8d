/**
 * Merges the messages of two connections during a rotation into one sequence: those of the newer
 * one wait until the older one has ended, and those received on both are delivered once.
 *
 *   older   m1 m2 m3 ---- delivered at once ---- closed
 *   newer         m3 m4 -- held (m3 is dropped) ------- m4, m5: delivered
 */

import { type Delivery, deliveryKey } from "../../../core/server-messages";
import { RESERVED } from "../../../core/subject";
import type { ManagedConnection } from "./managed-connection";

export class RotationBuffer {
  #connections: [older: ManagedConnection, newer: ManagedConnection] | null = null;
  /** Keys of the older connection's messages. */
  readonly #delivered = new Set<string>();
  readonly #held: Delivery[] = [];

  begin(older: ManagedConnection, newer: ManagedConnection): void {
    this.#connections = [older, newer];
  }

  /** @returns whether to deliver the message now */
  admits(managed: ManagedConnection, message: Delivery): boolean {
    if (!this.#connections || isAnswer(message.subject)) return true;
    if (managed === this.#connections[0]) {
      const key = deliveryKey(message);
      if (key !== undefined) this.#delivered.add(key);
      return true;
    }
    this.#held.push(message);
    return false;
  }

  /** What was held, as soon as one of the two connections has ended. */
  release(): Delivery[] {
    if (!this.#connections?.some(({ hasEnded }) => hasEnded)) return [];
    this.#connections = null;
    const unseen = this.#held
      .splice(0)
      .filter((message) => !this.#delivered.has(deliveryKey(message) ?? ""));
    this.#delivered.clear();
    return unseen;
  }
}

/** Answers to requests have no order, arrive on one connection, and are waited for. */
const isAnswer = (subject: string) => subject.startsWith(`${RESERVED.inbox}.`);
