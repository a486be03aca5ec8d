/**
 * Makes one sequence of the messages that come on two connections during a rotation: those of the newer
 * one wait until the older one has ended, and those that came on both are told once.
 *
 *   older   m1 m2 m3 ---- told as they come ---- closed
 *   newer         m3 m4 -- held (m3 is dropped) ------- m4, m5: told
 */

import { type Delivery, deliveryKey } from "../../../core/server-messages";
import { RESERVED } from "../../../core/subject";
import type { ManagedConnection } from "./managed-connection";

export class RotationBuffer {
  #lanes: [older: ManagedConnection, newer: ManagedConnection] | null = null;
  /** Keys of what the older connection has brought. */
  readonly #told = new Set<string>();
  readonly #held: Delivery[] = [];

  begin(older: ManagedConnection, newer: ManagedConnection): void {
    this.#lanes = [older, newer];
  }

  /** @returns whether to tell the message now */
  admits(lane: ManagedConnection, message: Delivery): boolean {
    if (!this.#lanes || isAnswer(message.subject)) return true;
    if (lane === this.#lanes[0]) {
      const key = deliveryKey(message);
      if (key !== undefined) this.#told.add(key);
      return true;
    }
    this.#held.push(message);
    return false;
  }

  /** What was held, as soon as one of the two connections has ended. */
  release(): Delivery[] {
    if (!this.#lanes?.some(({ hasEnded }) => hasEnded)) return [];
    this.#lanes = null;
    const unseen = this.#held
      .splice(0)
      .filter((message) => !this.#told.has(deliveryKey(message) ?? ""));
    this.#told.clear();
    return unseen;
  }
}

/** Answers to requests have no order, come on one connection, and somebody waits for them. */
const isAnswer = (subject: string) => subject.startsWith(`${RESERVED.inbox}.`);
