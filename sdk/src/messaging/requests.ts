/** Matches replies to requests by their `id`. */

import type { ClientMessage } from "../../../core/protocol";
import type { ReceivedMessage } from "../../../core/server-messages";
import { type AgentHeartbeatError, RequestRefusedError, RequestTimeoutError } from "../errors";
import type { Runtime } from "../platform/runtime";
import { Pending } from "./pending";

/** The type of the reply to each message that has one. */
const REPLIES = {
  list: "agents",
  history: "history",
  profile: "profile_ack",
  publish: "published",
} as const;

/** A message that is answered. */
export type Request = Extract<ClientMessage, { type: keyof typeof REPLIES }>;
/** The reply to it. */
export type ReplyTo<Message extends Request> = Extract<
  ReceivedMessage,
  { type: (typeof REPLIES)[Message["type"]] }
>;

export class Requests {
  readonly #pending: Pending<ReceivedMessage>;
  #count = 0;

  constructor(runtime: Pick<Runtime, "setTimeout" | "clearTimeout">) {
    this.#pending = new Pending(runtime);
  }

  /**
   * Sends a message with a fresh `id` and waits for its reply.
   *
   * @throws RequestRefusedError if the reply is an `error`, or none to such a message.
   * @throws RequestTimeoutError if none comes within `timeoutMs`.
   */
  async request<Message extends Request>(
    message: Message,
    timeoutMs: number,
    send: (message: Request) => void,
  ): Promise<ReplyTo<Message>> {
    this.#count += 1;
    const id = String(this.#count);
    const expected = `expected a reply to "${message.type}" within ${timeoutMs / 1000} s`;
    const waiting = this.#pending.wait(
      id,
      timeoutMs,
      () => new RequestTimeoutError(`${expected}, got none`),
    );
    send({ ...message, id });
    const reply = await waiting;
    if (reply.type === REPLIES[message.type]) return reply as ReplyTo<Message>;
    throw new RequestRefusedError("internal", `${expected}, got "${reply.type}"`);
  }

  /** @returns whether the message was a reply that is waited for */
  settle(message: ReceivedMessage): boolean {
    const request = "id" in message && this.#pending.take(message.id);
    if (!request) return false;
    if (message.type === "error") {
      request.reject(new RequestRefusedError(message.code, message.message));
    } else if (message.type === "superseded") {
      const taken = "another process with the same agent id has taken over";
      request.reject(new RequestRefusedError("superseded", taken));
    } else request.resolve(message);
    return true;
  }

  /** Fails one request, or all of them: no reply can come any more. */
  fail(error: AgentHeartbeatError, id?: string): void {
    this.#pending.fail(error, id);
  }
}
