/** Clocks, randomness, timers and sockets that the test controls. */

import type { Runtime, SocketListener } from "@agent-heartbeat/sdk";

/** A socket whose peer is the test. */
export class FakeSocket {
  readonly sent: Record<string, unknown>[] = [];
  bufferedAmount = 0;
  /** The number of sent messages already checked for subscriptions. */
  #checked = 0;
  closedWith: { code: number; reason: string } | null = null;
  terminated = false;

  constructor(
    readonly url: string,
    readonly protocols: readonly string[],
    readonly peer: SocketListener,
  ) {}

  /** The claims of the login token. */
  get claims(): Record<string, unknown> {
    const [, payload = ""] = (this.protocols[1] ?? "").split(".");
    return JSON.parse(Buffer.from(payload, "base64url").toString());
  }

  get heartbeats(): Record<string, unknown>[] {
    return this.sent.filter(({ type }) => type === "heartbeat" || type === "heartbeat_quiet");
  }

  /** Whether neither closed nor terminated. */
  get isLive(): boolean {
    return !this.terminated && !this.closedWith;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(code: number, reason: string): void {
    this.closedWith = { code, reason };
  }

  terminate(): void {
    this.terminated = true;
  }

  post(message: object): void {
    this.peer.received(JSON.stringify(message));
  }

  /** Answers the pending `subscribe` and `unsubscribe` messages. */
  settleSubscriptions(): void {
    for (; this.#checked < this.sent.length; this.#checked += 1) {
      const { type, subject, id } = this.sent[this.#checked] ?? {};
      if (type === "subscribe" || type === "unsubscribe") {
        this.post({ type: `${type}d`, subject, id });
      }
    }
  }

  ack(more: object = {}): void {
    this.post({ type: "heartbeat_ack", serverTime: 0, leaseExpiresAt: 0, ...more });
  }
}

interface Timer {
  at: number;
  callback: () => void;
}

export class FakeRuntime implements Runtime {
  readonly sockets: FakeSocket[] = [];
  /** The value that `random` returns. */
  chance = 0.5;
  wall = Date.UTC(2026, 0, 1);
  #monotonic = 0;
  #slept = 0;
  #timers: Timer[] = [];
  #waiting: (() => void)[] = [];

  now = () => this.wall;
  monotonic = () => this.#monotonic;
  /** Browsers have no such clock: delete it. */
  boottime?: () => number = () => this.#monotonic + this.#slept;
  random = () => this.chance;

  setTimeout = (callback: () => void, delayMs: number): Timer => {
    const timer = { at: this.#monotonic + delayMs, callback };
    this.#timers.push(timer);
    return timer;
  };

  clearTimeout = (timer: unknown): void => {
    this.#timers = this.#timers.filter((other) => other !== timer);
  };

  openSocket = (url: string, protocols: readonly string[], peer: SocketListener): FakeSocket => {
    const socket = new FakeSocket(url, protocols, peer);
    this.sockets.push(socket);
    for (const resolve of this.#waiting.splice(0)) resolve();
    return socket;
  };

  /** The number of active timers. */
  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** The n-th socket, counted from 1. Resolves when it has been opened. */
  async socket(n: number): Promise<FakeSocket> {
    while (this.sockets.length < n) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.sockets[n - 1] as FakeSocket;
  }

  /** Accepts the n-th socket, acknowledges its first heartbeat and answers its subscriptions. */
  async accept(n: number): Promise<FakeSocket> {
    const socket = await this.socket(n);
    socket.peer.opened();
    socket.ack({ serverTime: this.now() });
    socket.settleSubscriptions();
    return socket;
  }

  /** Advances time for a running process: every timer fires when due. */
  advance(ms: number): void {
    const end = this.#monotonic + ms;
    for (let timer = this.#next(end); timer; timer = this.#next(end)) {
      this.#pass(Math.max(0, timer.at - this.#monotonic));
      this.clearTimeout(timer);
      timer.callback();
    }
    this.#pass(end - this.#monotonic);
  }

  /** Advances time for a suspended or blocked process: due timers fire at the end. */
  block(ms: number): void {
    this.#pass(ms);
    this.advance(0);
  }

  /** Advances time without any timer, as where a platform slows them down. */
  stall(ms: number): void {
    this.#pass(ms);
  }

  /** Lets the machine sleep: the monotonic clock and timers stand still. */
  sleep(ms: number): void {
    this.wall += ms;
    this.#slept += ms;
  }

  /** Sets the wall clock, as NTP does. */
  step(ms: number): void {
    this.wall += ms;
  }

  #next(end: number): Timer | undefined {
    return this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }

  #pass(ms: number): void {
    this.#monotonic += ms;
    this.wall += ms;
  }
}
