/**
 * WebSockets whose heartbeats go over HTTP. The connection manager sends heartbeats and receives acks as usual; each socket
 * sends scheduled heartbeats over HTTP, and passes on the ack as if it had come on the WebSocket.
 *
 * The WebSocket itself carries a connection's first heartbeat, those outside the schedule (when the agent begins to
 * drain, and after a pause, to test the connection), those that fail over HTTP, and one every few minutes, which keeps API
 * Gateway from ending the idle connection and shows that it still works.
 */

import { QUIET_WEBSOCKET_SECONDS } from "../../../../core/limits";
import type { Activity } from "../../../../core/presence";
import { Backoff } from "../../connection/backoff";
import { type Clocks, passedSince, readClocks } from "../../connection/clocks";
import { enrolmentRefusalIn, failureOf, retryAfterMs } from "../../connection/failure";
import type { HttpFailure, HttpHealth } from "../../connection/health";
import type { ManagerOptions } from "../../connection/manager-options";
import type { Failure } from "../../connection/state";
import { callSafely } from "../../user-code";
import type { HttpAnswer } from "../http-request";
import type { OpenSocket, Runtime, Socket, SocketListener } from "../runtime";
import { ackIn, type LeaseRequests } from "./lease-requests";

/** How far the time between two heartbeats may be from the interval of those that are sent on schedule. */
const ON_SCHEDULE = { least: 0.9, most: 1.5 };

/** What every heartbeat's frame begins with. Its type is its first field. */
const HEARTBEAT = '{"type":"heartbeat';

type Options = Pick<ManagerOptions, "heartbeat" | "schedules" | "connectTimeoutMs">;

export class HttpHeartbeats {
  readonly #backoff: Backoff;
  #isBusy = false;
  #nextAttemptAt = 0;
  #lastHeartbeatAck: number | null = null;
  #lastFailure: HttpFailure | null = null;

  /** @param warn called with the first failure after an ack */
  constructor(
    private readonly requests: Pick<LeaseRequests, "renew" | "clock">,
    readonly options: Options,
    readonly runtime: Runtime,
    private readonly warn: (message: string) => void,
  ) {
    this.#backoff = new Backoff(options.schedules, runtime);
  }

  readonly openSocket: OpenSocket = (url, protocols, listener) =>
    new HeartbeatSocket(this, (heard) => this.runtime.openSocket(url, protocols, heard), listener);

  health(): HttpHealth {
    const { failures: failedAttempts } = this.#backoff;
    return {
      healthy: failedAttempts === 0,
      lastHeartbeatAck: this.#lastHeartbeatAck,
      failedAttempts,
      lastFailure: this.#lastFailure,
    };
  }

  /** Whether a heartbeat can be sent now: they go one after the other, and not while the endpoint is to be left alone. */
  get isReady(): boolean {
    return !this.#isBusy && this.#nextAttemptAt <= this.runtime.monotonic();
  }

  /** @returns the ack; undefined if the heartbeat was not accepted, or is no longer wanted */
  async send(frame: string, signal: AbortSignal) {
    this.#isBusy = true;
    try {
      const { activity } = JSON.parse(frame);
      const answer = await this.#renewInTime(activity, signal);
      const ack = ackIn(answer);
      if (ack) {
        this.#backoff.settled();
        this.#lastHeartbeatAck = this.runtime.now();
      } else if (!signal.aborted) {
        const delayMs = retryAfterMs(answer, this.requests.clock.now());
        this.#failed(failureIn(answer), delayMs);
      }
      return ack;
    } catch (error) {
      const end = { how: "failed", error } as const;
      if (!signal.aborted) this.#failed(failureOf(end), enrolmentRefusalIn(end)?.retryAfterMs);
      return undefined;
    } finally {
      this.#isBusy = false;
    }
  }

  /** The time limit holds for the key too. */
  async #renewInTime(activity: Activity | undefined, signal: AbortSignal): Promise<HttpAnswer> {
    const timeoutMs = this.#timeoutMs;
    const late = new AbortController();
    let timer: unknown;
    const timedOut = new Promise<never>((_, reject) => {
      timer = this.runtime.setTimeout(() => {
        late.abort();
        reject(new Error(`no answer within ${timeoutMs / 1000} s`));
      }, timeoutMs);
    });
    const limits = { timeoutMs, signal: AbortSignal.any([signal, late.signal]) };
    try {
      return await Promise.race([this.requests.renew(activity, limits), timedOut]);
    } finally {
      this.runtime.clearTimeout(timer);
    }
  }

  /** Short enough for the heartbeat to reach the server over the WebSocket while the lease runs. */
  get #timeoutMs(): number {
    const { heartbeat, connectTimeoutMs } = this.options;
    if (!heartbeat) return connectTimeoutMs;
    const spareMs = heartbeat.intervalMs * (heartbeat.timeoutMultiplier - 1);
    return Math.ceil(Math.min(connectTimeoutMs, spareMs / 2));
  }

  #failed({ kind, message, status }: Failure, retryAfterMs = 0): void {
    const delayMs = this.#backoff.next(kind, { retryAfterMs });
    this.#nextAttemptAt = this.runtime.monotonic() + delayMs;
    this.#lastFailure = { status: status ?? null, reason: message, at: this.runtime.now() };
    if (this.#backoff.failures > 1) return;
    this.warn(
      `a heartbeat over HTTP failed: ${message}; they go over the WebSocket until HTTP works again`,
    );
  }
}

function failureIn(answer: HttpAnswer): Failure {
  const { message } = answer.body;
  const failure = failureOf({ how: "refused", ...answer });
  const isText = typeof message === "string";
  return isText ? { ...failure, message: `${failure.message}: ${message}` } : failure;
}

class HeartbeatSocket implements Socket {
  readonly #socket: Socket;
  readonly #ends = new AbortController();
  readonly #runtime: Runtime;
  /** How the clocks stood at the last heartbeat; null before the first. */
  #lastAt: Clocks | null = null;
  /** Monotonic: when the WebSocket carried the last one. */
  #carriedAt = 0;
  /** By the server's last ack. */
  #intervalMs: number | null = null;
  /** Known only from acks on the WebSocket, for as long as that is open. */
  #reconnectWindowMs: number | undefined;
  /** Runs while a heartbeat on the WebSocket has no answer. */
  #silence: unknown = null;

  constructor(
    private readonly http: HttpHeartbeats,
    open: (listener: SocketListener) => Socket,
    private readonly listener: SocketListener,
  ) {
    this.#runtime = http.runtime;
    this.#socket = open({
      opened: () => listener.opened(),
      received: (text) => this.#received(text),
      closed: (code, reason) => {
        this.#end();
        listener.closed(code, reason);
      },
      refused: (response) => {
        this.#end();
        listener.refused(response);
      },
      failed: (error) => {
        this.#end();
        listener.failed(error);
      },
    });
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  send(text: string): void {
    if (!text.startsWith(HEARTBEAT)) {
      this.#socket.send(text);
      return;
    }
    const mayGoByHttp = this.#isOnSchedule() && !this.#isQuiet() && this.http.isReady;
    this.#lastAt = readClocks(this.#runtime);
    if (mayGoByHttp) void this.#sendByHttp(text);
    else this.#carry(text);
  }

  close(code: number, reason: string): void {
    this.#end();
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#end();
    this.#socket.terminate();
  }

  /** By the clock that runs on in sleep: what comes after a pause is to show whether the WebSocket has survived it. */
  #isOnSchedule(): boolean {
    if (!this.#lastAt) return false;
    const [, , passedMs] = passedSince(this.#runtime, this.#lastAt);
    const part = passedMs / this.#expectedMs;
    return part >= ON_SCHEDULE.least && part <= ON_SCHEDULE.most;
  }

  /** Whether the WebSocket would carry nothing for too long if this heartbeat went another way. */
  #isQuiet(): boolean {
    return (
      this.#runtime.monotonic() + this.#expectedMs >
      this.#carriedAt + QUIET_WEBSOCKET_SECONDS * 1000
    );
  }

  get #expectedMs(): number {
    return this.#intervalMs ?? this.http.options.heartbeat?.intervalMs ?? 0;
  }

  async #sendByHttp(text: string): Promise<void> {
    const ack = await this.http.send(text, this.#ends.signal);
    if (this.#ends.signal.aborted) return;
    if (!ack) {
      callSafely(
        () => this.#carry(text),
        (error) => this.#fail(error),
      );
      return;
    }
    const window = this.#reconnectWindowMs;
    const withWindow = { ...ack, ...(window !== undefined && { reconnectWindowMs: window }) };
    this.#followInterval(ack.heartbeatInterval);
    this.listener.received(JSON.stringify(withWindow));
  }

  /** Always with an ack: silence would otherwise show nothing. */
  #carry(text: string): void {
    const now = this.#runtime.monotonic();
    this.#carriedAt = now;
    this.#socket.send(text.replace('"heartbeat_quiet"', '"heartbeat"'));
    const { heartbeat } = this.http.options;
    if (this.#silence !== null || !heartbeat) return;
    // As long as the manager waits, for which the acks of HTTP are as good as others.
    const longestMs = heartbeat.intervalMs * heartbeat.timeoutMultiplier;
    this.#silence = this.#runtime.setTimeout(() => {
      this.#silence = null;
      this.#fail(new Error(`no answer on the WebSocket within ${longestMs / 1000} s`));
    }, longestMs);
  }

  #fail(error: unknown): void {
    if (this.#ends.signal.aborted) return;
    this.terminate();
    this.listener.failed(error);
  }

  #received(text: string | null): void {
    this.#clearSilence();
    if (text?.includes('"heartbeat_ack"')) this.#noteAck(text);
    this.listener.received(text);
  }

  #noteAck(text: string): void {
    try {
      const { type, heartbeatInterval, reconnectWindowMs } = JSON.parse(text);
      if (type !== "heartbeat_ack") return;
      this.#followInterval(heartbeatInterval);
      this.#reconnectWindowMs = reconnectWindowMs;
    } catch {
      // The listener sees what is wrong with it.
    }
  }

  #followInterval(seconds: unknown): void {
    this.#intervalMs = typeof seconds === "number" ? seconds * 1000 : null;
  }

  #end(): void {
    this.#clearSilence();
    this.#ends.abort();
  }

  #clearSilence(): void {
    if (this.#silence !== null) this.#runtime.clearTimeout(this.#silence);
    this.#silence = null;
  }
}
