/**
 * A minimal client that sends raw messages and records what it receives, to test the protocol
 * itself.
 */

import { once } from "node:events";
import { WebSocket } from "ws";
import { LIMITS } from "../../core/limits";
import { audienceOf, SUBPROTOCOL } from "../../core/login-claims";
import { loginClaims, signToken, type TestKey } from "../login";

type Message = Record<string, unknown> & { type: string };

export class BareClient {
  readonly #socket: WebSocket;
  readonly #messages: Message[] = [];
  readonly #waiting: { resolve(message: Message): void; reject(error: Error): void }[] = [];
  #ended: Error | undefined;
  /** The close code, once the connection has ended. */
  readonly closed: Promise<number>;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.on("close", resolve));
    void this.closed.then((code) => {
      this.#ended = new Error(`expected a message, got the connection's end with ${code}`);
      for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
    });
    socket.on("message", (data) => {
      const message = JSON.parse(String(data)) as Message;
      const next = this.#waiting.shift();
      if (next) next.resolve(message);
      else this.#messages.push(message);
    });
  }

  /** @throws HandshakeRefused with the status code */
  static async connect(url: string, key: TestKey, claims: object): Promise<BareClient> {
    const token = await signToken(key, loginClaims(audienceOf(url), Date.now(), claims));
    return BareClient.offer(url, [SUBPROTOCOL, token]);
  }

  static async offer(url: string, protocols: string[]): Promise<BareClient> {
    const socket = new WebSocket(url, protocols);
    const client = new BareClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("unexpected-response", (request, response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => {
          request.destroy();
          const body = Buffer.concat(chunks).toString();
          reject(new HandshakeRefused(response.statusCode ?? 0, body));
        });
      });
      socket.once("error", reject);
    });
    return client;
  }

  /** Sends text in frames of 32 KB, as API Gateway requires, and bytes unchanged. */
  send(message: object | string | Buffer): void {
    if (Buffer.isBuffer(message)) {
      this.#socket.send(message);
      return;
    }
    const text = Buffer.from(typeof message === "string" ? message : JSON.stringify(message));
    for (let start = 0; start < text.length || start === 0; start += LIMITS.frameBytes) {
      const end = start + LIMITS.frameBytes;
      this.#socket.send(text.subarray(start, end), { binary: false, fin: end >= text.length });
    }
  }

  /** The next message from the server. @throws Error if the connection ends without one */
  next(): Promise<Message> {
    const message = this.#messages.shift();
    if (message) return Promise.resolve(message);
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Received messages that were not requested. */
  received(): Message[] {
    return this.#messages.splice(0);
  }

  async ask(message: object | string): Promise<Message> {
    this.send(message);
    return this.next();
  }

  /** @param code null for a close frame without one */
  async close(code: number | null = 1000, reason = ""): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.#socket, "close");
    if (code === null) this.#socket.close();
    else this.#socket.close(code, reason);
    await closed;
  }

  /** Breaks the connection without a close frame. */
  break(): void {
    this.#socket.terminate();
  }
}

export class HandshakeRefused extends Error {
  constructor(
    readonly statusCode: number,
    readonly body: string,
  ) {
    super(`refused with ${statusCode}`);
  }
}
