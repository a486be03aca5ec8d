/** A client's WebSocket, with API Gateway's limits. */

import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Clock, Timer } from "../clock";
import { LocalRuntimeError } from "../errors";
import { FrameSizes } from "./frame-sizes";
import type { ConnectionFacts } from "./request-context";

/**
 * Limits of WebSocket APIs.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 */
export const GATEWAY_LIMITS = {
  messageBytes: 128 * 1024,
  frameBytes: 32 * 1024,
  idleMs: 10 * 60_000,
  durationMs: 2 * 60 * 60_000,
} as const;

/** With more unsent bytes than this, a post is refused with 429. */
const SEND_BUFFER_BYTES = 4 * 1024 * 1024;

/** How long to wait for the answer to a close before destroying the socket. */
const CLOSE_TIMEOUT_MS = 2000;

/** The gateway's callbacks. */
export interface ConnectionListener {
  message(connection: ClientConnection, text: string): void;
  /** Called once, with the code and reason of the side that ended the connection. */
  ended(connection: ClientConnection, code: number, reason: string): void;
}

export class ClientConnection {
  readonly facts: ConnectionFacts;
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #listener: ConnectionListener;
  readonly #lifetime: Timer;
  #idle: Timer | undefined;
  #lastActiveAt: number;
  #ended = false;

  constructor(
    facts: ConnectionFacts,
    socket: WebSocket,
    transport: Duplex,
    clock: Clock,
    listener: ConnectionListener,
  ) {
    this.facts = facts;
    this.#socket = socket;
    this.#clock = clock;
    this.#listener = listener;
    this.#lastActiveAt = clock.now();
    const age = clock.now() - facts.connectedAt;
    this.#lifetime = clock.after(GATEWAY_LIMITS.durationMs - age, () => this.#goAway());
    this.#watchIdle(GATEWAY_LIMITS.idleMs);

    const frames = new FrameSizes();
    transport.prependListener("data", (chunk: Buffer) => {
      if (frames.exceeds(GATEWAY_LIMITS.frameBytes, chunk)) this.end(1009, "Frame too large");
    });
    socket.on("message", (data: Buffer, isBinary) => {
      if (this.#ended) return;
      if (isBinary) {
        this.end(1003, "Binary is not supported");
        return;
      }
      this.#lastActiveAt = clock.now();
      listener.message(this, data.toString());
    });
    let code: number | undefined;
    socket.on("error", (error) => {
      code = closeCodeOf(error);
    });
    socket.on("close", (received, reason) => {
      const text = reason.toString() || (DEFAULT_REASONS[code ?? received] ?? "");
      this.#finish(code ?? received, text);
    });
  }

  get lastActiveAt(): number {
    return this.#lastActiveAt;
  }

  /** Whether too many bytes are unsent, because the client reads too slowly. */
  get congested(): boolean {
    return this.#socket.bufferedAmount > SEND_BUFFER_BYTES;
  }

  /** @throws LocalRuntimeError if the message is larger than the gateway carries, in either direction */
  send(text: string): void {
    if (this.#ended) return;
    const bytes = Buffer.from(text);
    const { messageBytes, frameBytes } = GATEWAY_LIMITS;
    if (bytes.length > messageBytes) {
      throw new LocalRuntimeError(
        `expected a message of at most ${messageBytes} bytes, got one of ${bytes.length}`,
      );
    }
    this.#lastActiveAt = this.#clock.now();
    for (let start = 0; start === 0 || start < bytes.length; start += frameBytes) {
      const end = start + frameBytes;
      this.#socket.send(bytes.subarray(start, end), { binary: false, fin: end >= bytes.length });
    }
  }

  /** Closes the connection. It counts as ended at once, even before the client answers. */
  end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#socket.close(code, reason);
    const timeout = setTimeout(() => this.#socket.terminate(), CLOSE_TIMEOUT_MS);
    this.#socket.once("close", () => clearTimeout(timeout));
    this.#finish(code, reason);
  }

  #goAway(): void {
    this.end(1001, "Going away");
  }

  // One timer that checks the last message's time, because a timer per message would cost more than the message.
  #watchIdle(delayMs: number): void {
    this.#idle = this.#clock.after(delayMs, () => {
      const left = this.#lastActiveAt + GATEWAY_LIMITS.idleMs - this.#clock.now();
      if (left <= 0) this.#goAway();
      else this.#watchIdle(left);
    });
  }

  #finish(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#lifetime.cancel();
    this.#idle?.cancel();
    this.#listener.ended(this, code, reason);
  }
}

/** API Gateway's reasons for closes without a reason. */
const DEFAULT_REASONS: Record<number, string> = {
  1000: "Connection Closed Normally",
  1005: "Client-side close frame status not set",
};

/** The close code that the WebSocket library used for an error. */
function closeCodeOf(error: Error): number {
  switch ((error as NodeJS.ErrnoException).code) {
    case "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH":
      return 1009;
    case "WS_ERR_INVALID_UTF8":
      return 1007;
    default:
      return (error as NodeJS.ErrnoException).code?.startsWith("WS_ERR_") ? 1002 : 1006;
  }
}
