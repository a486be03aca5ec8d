/** Matches replies to requests by their `id`. */

import type { ServerFrame } from "./connection";
import { type AgentHeartbeatError, RequestRefusedError, RequestTimeoutError } from "./errors";
import type { Runtime } from "./runtime";

interface PendingRequest {
  resolve(reply: ServerFrame): void;
  reject(error: AgentHeartbeatError): void;
  timer: unknown;
}

export class Requests {
  readonly #pending = new Map<string, PendingRequest>();
  #count = 0;

  constructor(private readonly runtime: Pick<Runtime, "setTimeout" | "clearTimeout">) {}

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
    return new Promise((resolve, reject) => {
      const timer = this.runtime.setTimeout(() => {
        const expected = `expected a reply to "${message.type}" within ${timeoutMs / 1000} s`;
        this.#take(id)?.reject(new RequestTimeoutError(`${expected}, got none`));
      }, timeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
      send({ ...message, id });
    });
  }

  /** @returns whether the message was a reply that is waited for */
  settle(message: ServerFrame): boolean {
    const request = this.#take(message.id);
    if (!request) return false;
    if (message.type === "error") {
      request.reject(new RequestRefusedError(String(message.code), String(message.message)));
    } else request.resolve(message);
    return true;
  }

  /** Fails one request, or all of them: no reply can come any more. */
  fail(error: AgentHeartbeatError, id?: unknown): void {
    const ids = id === undefined ? [...this.#pending.keys()] : [id];
    for (const each of ids) this.#take(each)?.reject(error);
  }

  #take(id: unknown): PendingRequest | undefined {
    if (typeof id !== "string") return undefined;
    const request = this.#pending.get(id);
    if (request) this.runtime.clearTimeout(request.timer);
    this.#pending.delete(id);
    return request;
  }
}
