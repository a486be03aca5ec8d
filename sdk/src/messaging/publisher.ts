/** Sends messages: those of one subject one after the other, so that they arrive in order. */

import { LIMITS } from "../../../core/limits";
import type { PublishedMessage, PublishMessage } from "../../../core/protocol";
import { DIRECT_SUBJECT } from "../../../core/subject";
import { checkId, invalid } from "../checks";
import { MessageError, RequestTimeoutError } from "../errors";
import { inBrowser } from "../platform/in-browser";
import type { Runtime } from "../platform/runtime";
import { describe } from "../user-code";
import { jsonOf } from "./json-data";
import { Pending } from "./pending";
import { isCapability } from "./profile";
import { checkSubject } from "./subject-check";

/** As long as the ids that the server gives. */
const MESSAGE_ID = "00000000-0000-0000-0000-000000000000";

/** A message as it is asked for. */
export type Outgoing = {
  [Name in keyof Omit<PublishMessage, "type" | "id">]?: PublishMessage[Name] | undefined;
};

/** What becomes of a message while it waits for its turn. */
export interface Track {
  /** Set when it is sent. */
  sent?: boolean;
  /** Whether it is not to be sent any more. */
  isGivenUp?: boolean;
}

/** Carries messages. */
export interface PublisherConnection {
  /** Sends a message and waits for its reply, for so many milliseconds. */
  request(message: PublishMessage, timeoutMs: number): Promise<PublishedMessage>;
}

export interface PublisherOptions {
  agentId: string;
  /** How large a message may be with its envelope, in bytes. */
  maxBytes: number;
  /** How many messages may wait for earlier ones of their subject. */
  maxWaiting: number;
  runtime: Pick<Runtime, "monotonic" | "setTimeout" | "clearTimeout">;
}

export class Publisher {
  /** Of each subject, the end of the newest message. */
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #turns: Pending<void>;
  #count = 0;

  constructor(
    private readonly options: PublisherOptions,
    private readonly connection: PublisherConnection,
  ) {
    this.#turns = new Pending(options.runtime);
  }

  /**
   * @param timeoutMs how long to wait for the turn and the reply; what has not had its turn by then is not sent
   * @param track learns whether it was sent, and may prevent it
   * @returns how many processes it reached
   * @throws SubjectError if the subject is none.
   * @throws ConfigurationError if the receiver that it names is none.
   * @throws MessageError if it is not JSON, or too large, or too many wait.
   * @throws RequestTimeoutError if there is no reply in time.
   */
  async publish(
    message: Outgoing,
    timeoutMs: number,
    track: Track = {},
  ): Promise<{ reached: number }> {
    const { runtime } = this.options;
    const { to, capability, subject = (to ?? capability) && DIRECT_SUBJECT } = message;
    checkSubject(subject);
    // Pages leave it to the service.
    if (!inBrowser) checkReceiver(to, capability);
    const frozen = this.#pack({ ...message, subject });
    const endsAt = runtime.monotonic() + timeoutMs;
    const expected = `${subject}: expected a reply within ${timeoutMs / 1000} s`;
    const late = () => new RequestTimeoutError(expected, false);
    const send = async () => {
      const leftMs = endsAt - runtime.monotonic();
      if (leftMs <= 0 || (!inBrowser && track.isGivenUp)) throw late();
      track.sent = true;
      // What is undefined in it is left out where it is written.
      return this.connection.request({ type: "publish", ...frozen } as PublishMessage, leftMs);
    };
    const before = this.#tails.get(subject);
    const sent = before ? this.#turn(subject, before, timeoutMs, late).then(send) : send();
    // What is late leaves its place, not its subject: the one before may still be under way.
    const done = () => before;
    const tail = sent.then(done, done);
    this.#tails.set(subject, tail);
    void tail.then(() => {
      if (this.#tails.get(subject) === tail) this.#tails.delete(subject);
    });
    return { reached: (await sent).reached };
  }

  async #turn(
    subject: string,
    before: Promise<unknown>,
    timeoutMs: number,
    late: () => RequestTimeoutError,
  ): Promise<void> {
    const { maxWaiting } = this.options;
    if (this.#turns.size >= maxWaiting) {
      const expected = `expected at most ${maxWaiting} in sendQueue`;
      throw new MessageError(`${subject}: ${expected}, got more`);
    }
    const name = `${this.#count++}`;
    void before.then(() => this.#turns.take(name)?.resolve());
    return this.#turns.wait(name, timeoutMs, late);
  }

  /** The message as it is now: it may wait, and its data be changed meanwhile. */
  #pack(message: Outgoing & { subject: string }): Outgoing & { subject: string } {
    const { agentId: from, maxBytes } = this.options;
    const { subject } = message;
    let data: unknown;
    try {
      data = jsonOf(message.data ?? null, "data");
    } catch (cause) {
      throw new MessageError(`${subject}: ${describe(cause)}`, { cause });
    }
    const envelope = JSON.stringify({ ...message, data, messageId: MESSAGE_ID, from });
    const bytes = new TextEncoder().encode(envelope).byteLength;
    if (bytes > maxBytes) {
      const expected = `expected a message of at most ${maxBytes} bytes with its envelope`;
      throw new MessageError(`${subject}: ${expected}, got ${bytes}`);
    }
    return { ...message, data };
  }
}

/** @throws ConfigurationError if what is named is none, or both are. */
function checkReceiver(to: unknown, capability: unknown): void {
  if (to !== undefined) checkId("to", to);
  if (capability === undefined) return;
  if (to !== undefined) throw invalid("capability", "none beside an agent in `to`", capability);
  if (isCapability(capability)) return;
  throw invalid("capability", `a text of 1 to ${LIMITS.activityTextLength} characters`, capability);
}
