/** Sends messages: those of one subject one after the other, so that they arrive in order. */

import type { PublishedMessage, PublishMessage } from "../../../core/protocol";
import { checkId } from "../checks";
import { MessageError } from "../errors";
import { checkSubject } from "./subject-check";

/** As long as the ids that the server gives. */
const MESSAGE_ID = "00000000-0000-0000-0000-000000000000";

/** Sends a message and waits for its reply. */
export type AskToPublish = (message: PublishMessage) => Promise<PublishedMessage>;

export class Publisher {
  /** Of each subject, the end of the newest message. */
  readonly #tails = new Map<string, Promise<unknown>>();

  /** @param maxBytes how large a message may be with its envelope */
  constructor(
    private readonly agentId: string,
    private readonly maxBytes: number,
    private readonly ask: AskToPublish,
  ) {}

  /**
   * @returns how many processes it reached
   * @throws SubjectError if the subject is none.
   * @throws MessageError if it is not JSON, or too large.
   */
  async publish(message: Omit<PublishMessage, "type" | "id">): Promise<{ reached: number }> {
    const { subject, to } = message;
    checkSubject(subject);
    if (to !== undefined) checkId("to", to);
    const frozen = this.#pack(message);
    const before = this.#tails.get(subject);
    const send = () => this.ask({ type: "publish", ...frozen });
    const sent = before ? before.then(send) : send();
    const tail = sent.then(
      () => undefined,
      () => undefined,
    );
    this.#tails.set(subject, tail);
    void tail.then(() => {
      if (this.#tails.get(subject) === tail) this.#tails.delete(subject);
    });
    const { reached } = await sent;
    return { reached };
  }

  /** The message as it is now: it may wait, and its data be changed meanwhile. */
  #pack(message: Omit<PublishMessage, "type" | "id">): Omit<PublishMessage, "type" | "id"> {
    const { subject, data } = message;
    let text: string;
    try {
      text = JSON.stringify(data) ?? "null";
    } catch (cause) {
      throw new MessageError(`${subject}: expected data that is JSON: ${String(cause)}`, { cause });
    }
    const envelope = { ...message, data: null, messageId: MESSAGE_ID, from: this.agentId };
    const bytes = byteLength(text) + byteLength(JSON.stringify(envelope));
    if (bytes > this.maxBytes) {
      const expected = `expected a message of at most ${this.maxBytes} bytes with its envelope`;
      throw new MessageError(`${subject}: ${expected}, got ${bytes}`);
    }
    return { ...message, data: JSON.parse(text) };
  }
}

const byteLength = (text: string) => new TextEncoder().encode(text).byteLength;
