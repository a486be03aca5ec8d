/** Matches replies to requests by their `id`. */

import type { ServerFrame } from "../connection/connection";
import { type AgentHeartbeatError, RequestRefusedError, RequestTimeoutError } from "../errors";
import type { Runtime } from "../platform/runtime";
import { Pending } from "./pending";

export class Requests {
  readonly #pending: Pending<ServerFrame>;
  #count = 0;

  constructor(runtime: Pick<Runtime, "setTimeout" | "clearTimeout">) {
    this.#pending = new Pending(runtime);
  }

  /**
   * Sends a message with a fresh `id` and waits for its reply.
   *
   * @throws RequestRefusedError if the reply is an `error`.
   * @throws RequestTimeoutError if none comes within `timeoutMs`.
   */
  request(
    message: ServerFrame,
    timeoutMs: number,
    send: (message: ServerFrame) => void,
  ): Promise<ServerFrame> {
    this.#count += 1;
    const id = String(this.#count);
    const expected = `expected a reply to "${message.type}" within ${timeoutMs / 1000} s`;
    const reply = this.#pending.wait(
      id,
      timeoutMs,
      () => new RequestTimeoutError(`${expected}, got none`),
    );
    send({ ...message, id });
    return reply;
  }

  /** @returns whether the message was a reply that is waited for */
  settle(message: ServerFrame): boolean {
    const request = this.#pending.take(message.id);
    if (!request) return false;
    if (message.type === "error") {
      request.reject(new RequestRefusedError(String(message.code), String(message.message)));
    } else if (message.type === "superseded") {
      const taken = "another process with the same agent id has taken over";
      request.reject(new RequestRefusedError("superseded", taken));
    } else request.resolve(message);
    return true;
  }

  /** Fails one request, or all of them: no reply can come any more. */
  fail(error: AgentHeartbeatError, id?: unknown): void {
    this.#pending.fail(error, id);
  }
}
