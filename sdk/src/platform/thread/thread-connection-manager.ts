/** A connection manager in another thread, with the same interface to its agent as one in this thread. */

import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import type { Activity } from "../../../../core/presence";
import type { ClientMessage } from "../../../../core/protocol";
import { healthBefore, type ManagerHealth } from "../../connection/health";
import type { ManagerOptions } from "../../connection/manager-options";
import type { ManagerEvent, ManagerPort, StopCause } from "../../connection/manager-port";
import { isFinal } from "../../connection/state";
import { EnrolmentRefusedError } from "../enrolment-refusal";
import { nodeRuntime } from "../node-runtime";
import { type FromManager, PULSE_MS, type ThreadStart, type ToManager } from "./messages";
import { workerFile } from "./worker-file";

export class ThreadConnectionManager implements ManagerPort {
  readonly #port: MessagePort;
  readonly #events: ManagerEvent[] = [];
  readonly #pulse = new Float64Array(new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT));
  readonly #pulseTimer: NodeJS.Timeout;
  readonly #loadKey: ManagerOptions["loadKey"];
  #flushing = false;
  #health = healthBefore("idle");

  constructor(
    { loadKey, ...options }: ManagerOptions,
    private readonly emit: (event: ManagerEvent) => void,
    private readonly warn: (message: string) => void,
  ) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#loadKey = loadKey;
    this.#sendPulse();
    this.#pulseTimer = setInterval(() => this.#sendPulse(), PULSE_MS);
    this.#pulseTimer.unref();
    const { file, ...kind } = workerFile();
    const worker = new Worker(file, {
      ...kind,
      // Flags of the program may not fit this file (--input-type), or load into the thread what is not for it (--require).
      execArgv: [],
      name: `heartbeat of ${options.login.agentId}`,
      workerData: { options, port: port2, pulse: this.#pulse } satisfies ThreadStart,
      transferList: [port2],
    });
    let cause: unknown;
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", (code) => this.#onExit(`${cause ?? `exit code ${code}`}`));
    port1.on("message", (message: FromManager) => {
      this.#take(message);
      this.#flush();
    });
  }

  start(): void {
    this.#call({ call: "start" });
  }

  drain(): void {
    this.#call({ call: "drain" });
  }

  stop(cause: StopCause): void {
    this.#call({ call: "stop", cause });
  }

  reconnect(): void {
    this.#call({ call: "reconnect" });
  }

  send(message: ClientMessage): void {
    this.#call({ call: "send", message });
  }

  setSubscriptions(patterns: readonly string[]): void {
    this.#call({ call: "setSubscriptions", patterns });
  }

  setActivity(activity: Activity): void {
    this.#call({ call: "setActivity", activity });
  }

  /** What the other thread has posted by now, even if this one's event loop has not received it yet. */
  health(): ManagerHealth {
    for (;;) {
      const waiting = receiveMessageOnPort(this.#port) as { message: FromManager } | undefined;
      if (!waiting) break;
      this.#take(waiting.message);
    }
    if (this.#events.length > 0) queueMicrotask(() => this.#flush());
    return this.#health;
  }

  #call(message: ToManager): void {
    this.#port.postMessage(message);
  }

  #take(message: FromManager): void {
    if ("wantsKey" in message) {
      this.#loadKey().then(
        (key) => this.#call({ call: "key", key }),
        (error) => {
          const { status, reason, retryAfterMs, message: failed } = error;
          const isRefusal = error instanceof EnrolmentRefusedError;
          const refusal = { status, reason, retryAfterMs };
          this.#call({ call: "key", failed, ...(isRefusal && { refusal }) });
        },
      );
      return;
    }
    if ("warning" in message) {
      this.warn(message.warning);
      return;
    }
    this.#health = message.health;
    this.#events.push(message.event);
  }

  #flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    for (let event = this.#events.shift(); event; event = this.#events.shift()) this.emit(event);
    this.#flushing = false;
    if (isFinal(this.#health.state)) this.#close();
  }

  #sendPulse(): void {
    this.#pulse[0] = nodeRuntime.monotonic();
  }

  #close(): void {
    clearInterval(this.#pulseTimer);
    this.#port.close();
  }

  /** The thread ended by itself: out of memory, or a fault of its own. */
  #onExit(how: string): void {
    this.health();
    this.#flush();
    const previous = this.#health.state;
    if (isFinal(previous)) return;
    const failure = { kind: "network", message: `the heartbeat thread ended: ${how}` } as const;
    const at = nodeRuntime.now();
    this.#health = { ...this.#health, state: "stopped", connected: false };
    this.#events.push({
      type: "state",
      change: { state: "stopped", previous, reason: "failed", at, failure },
    });
    this.#flush();
  }
}
