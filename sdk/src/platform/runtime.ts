/** What the client takes from its surroundings: clocks, chance, timers and sockets, all replaceable. */

/** Clocks, chance, timers and sockets. */
export interface Runtime {
  /** Epoch milliseconds by the local clock, which may be off and may jump. */
  now(): number;
  /** Milliseconds that only grow. Need not advance while the machine sleeps. */
  monotonic(): number;
  /** Milliseconds that only grow, also while the machine sleeps. Left out where there is no such clock. */
  boottime?(): number;
  /** At least 0, below 1. */
  random(): number;
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
  openSocket: OpenSocket;
  /** How late the agent's event loop runs, where that is another one than the caller's. */
  observedLagMs?(): number;
}

/** Opens a WebSocket. Nothing is called before it has returned. */
export type OpenSocket = (
  url: string,
  protocols: readonly string[],
  listener: SocketListener,
) => Socket;

/** One WebSocket, as far as the client uses it. */
export interface Socket {
  /** Bytes handed to `send` that have not left yet. */
  readonly bufferedAmount: number;
  /** Sends a text frame. Called only while open. */
  send(text: string): void;
  /** Starts the closing handshake; `closed` follows when the peer has answered. */
  close(code: number, reason: string): void;
  /** Gives the socket up at once, in any state. Nothing is called afterwards. */
  terminate(): void;
}

/** Hears from one WebSocket. After `closed`, `refused` or `failed` nothing more comes. */
export interface SocketListener {
  opened(): void;
  /** A text frame, or null for a binary one. */
  received(text: string | null): void;
  closed(code: number, reason: string): void;
  /** The handshake was answered with another status than 101. Browsers don't know: they call `failed`. */
  refused(response: HandshakeRefusal): void;
  /** The connection could not be made, for an unknown reason or a network's. */
  failed(error: unknown): void;
}

/** The answer to a refused handshake. */
export interface HandshakeRefusal {
  status: number;
  /** The header `Retry-After`. */
  retryAfter?: string;
  /** The header `Date`. */
  date?: string;
}
