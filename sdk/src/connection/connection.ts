/** One connection: a login token, a WebSocket, and the frames on it, from the handshake to its end. */

import { SUBPROTOCOL } from "../../../core/login-claims";
import type { ClientMessage } from "../../../core/protocol";
import { decodeServerMessage, type ReceivedMessage } from "../../../core/server-messages";
import { ConnectionError } from "../errors";
import { inBrowser } from "../platform/in-browser";
import type { HandshakeRefusal, OpenSocket, Socket } from "../platform/runtime";
import { callSafely, describe } from "../user-code";

/** How a connection ended, or why it was never made. */
export type ConnectionEnd =
  | { how: "closed"; code: number; reason: string }
  | ({ how: "refused" } & HandshakeRefusal)
  | { how: "failed"; error: unknown };

/** Whether the handshake was answered with another status than 101, as far as the platform shows. */
export const isRefused = (end: ConnectionEnd): end is { how: "refused" } & HandshakeRefusal =>
  inBrowser ? false : end.how === "refused";

/** Hears from a connection. Nothing comes after `ended`, nor after `terminate()`. */
export interface ConnectionListener {
  opened(): void;
  received(message: ReceivedMessage): void;
  ended(end: ConnectionEnd): void;
}

export interface ConnectionOptions {
  url: string;
  openSocket: OpenSocket;
  mintToken(): Promise<string>;
}

type Phase = "opening" | "open" | "closing" | "ended";

export class Connection {
  #phase: Phase = "opening";
  #socket: Socket | null = null;

  constructor(
    private readonly options: ConnectionOptions,
    private readonly listener: ConnectionListener,
  ) {
    void this.#open();
  }

  get isOpen(): boolean {
    return this.#phase === "open";
  }

  /** Nothing comes on it any more. */
  get hasEnded(): boolean {
    return this.#phase === "ended";
  }

  /** Bytes handed to the socket that have not left yet. */
  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** @returns whether the connection was open to take it */
  send(message: ClientMessage): boolean {
    if (this.#phase !== "open" || !this.#socket) return false;
    const text = JSON.stringify(message);
    // Not in the caller's turn, which may be in the middle of something.
    callSafely(
      () => this.#socket?.send(text),
      (error) => queueMicrotask(() => this.#end({ how: "failed", error })),
    );
    return true;
  }

  /** Starts the closing handshake; messages still come until `ended`. */
  close(code: number, reason: string): void {
    if (this.#phase !== "open") {
      this.terminate();
      return;
    }
    this.#phase = "closing";
    callSafely(() => this.#socket?.close(code, reason));
  }

  /** Ends the connection at once and without a word, whatever its phase. */
  terminate(): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    const socket = this.#socket;
    this.#socket = null;
    callSafely(() => socket?.terminate());
  }

  async #open(): Promise<void> {
    const { url, openSocket, mintToken } = this.options;
    try {
      const token = await mintToken();
      // Terminated while the token was being signed.
      if (this.#phase === "ended") return;
      this.#socket = openSocket(url, [SUBPROTOCOL, token], {
        opened: () => {
          if (this.#phase !== "opening") return;
          this.#phase = "open";
          this.listener.opened();
        },
        received: (text) => this.#receive(text),
        closed: (code, reason) => this.#end({ how: "closed", code, reason }),
        refused: (response) => this.#end({ how: "refused", ...response }),
        failed: (error) => this.#end({ how: "failed", error }),
      });
    } catch (error) {
      this.#end({ how: "failed", error });
    }
  }

  #receive(text: string | null): void {
    if (this.#phase === "ended") return;
    const message = decodeServerMessage(text);
    if (message) this.listener.received(message);
  }

  #end(end: ConnectionEnd): void {
    if (this.#phase === "ended") return;
    this.terminate();
    this.listener.ended(end);
  }
}

/** What an end means, in an error's words. */
export function describeEnd(end: ConnectionEnd): string {
  if (end.how === "closed") {
    return `closed with code ${end.code}${end.reason && ` (${end.reason})`}`;
  }
  if (isRefused(end)) return `refused with status ${end.status}`;
  return describe((end as Extract<ConnectionEnd, { how: "failed" }>).error);
}

/** The error for something that needed a connection while there was none. */
export const notConnected = (agentId: string) =>
  new ConnectionError(`${agentId}: expected an open connection, got none`);
