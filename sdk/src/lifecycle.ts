/** An agent's way from its start to its end: at once, or with grace. */

import type { ClientConnection } from "./connection/client-connection";
import type { StopCause } from "./connection/manager-port";
import { type AgentState, isFinal, type StateChange } from "./connection/state";
import type { Messaging } from "./messaging/messaging";
import type { Runtime } from "./platform/runtime";

/** How long a superseded process takes messages that were on their way when it was superseded. */
const ON_ITS_WAY_MS = 2_000;

export class Lifecycle {
  state: AgentState = "idle";
  /** Connected, with all subscriptions in place. */
  isReady = false;
  /** Resolves with the last change of state. */
  readonly ended: Promise<StateChange>;
  #resolveEnded!: (change: StateChange) => void;
  #beginning: Promise<void> | null = null;
  #draining: Promise<void> | null = null;
  #stopCause: StopCause | null = null;

  /** @param drainTimeoutMs how long a drain waits for handlers */
  constructor(
    private readonly connection: ClientConnection,
    private readonly messaging: Messaging,
    private readonly runtime: Pick<Runtime, "setTimeout" | "clearTimeout">,
    private readonly drainTimeoutMs: number,
  ) {
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  /**
   * Connects, however often it is called. What was stopped before ends at once.
   *
   * @throws KeyError if the private key is unusable.
   */
  begin(): Promise<void> {
    this.#beginning ??= this.connection.prepare().then(
      () => {
        const manager = this.connection.open(this.messaging.patterns);
        if (this.#stopCause) manager.stop(this.#stopCause);
        else manager.start();
      },
      (error) => {
        this.#beginning = null;
        throw error;
      },
    );
    return this.#beginning;
  }

  /** Leaves running handlers to themselves, but has the answer of one that has called `drain()` sent first. */
  async stop(): Promise<void> {
    if (this.messaging.isLeaving) return;
    this.messaging.close();
    await this.#stop("stop");
  }

  /** Resolves when that is done; in a handler, when all others have finished. */
  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    const others = this.messaging.othersEnd();
    return others ? Promise.race([others, this.#draining]) : this.#draining;
  }

  /** The connection's state has changed. @returns whether that was the last time */
  entered({ state, reason }: StateChange): boolean {
    this.state = state;
    const ended = isFinal(state);
    if (state === "reconnecting" || reason === "superseded" || ended) this.isReady = false;
    if (reason === "superseded" && !ended) this.#draining ??= this.#finish(ON_ITS_WAY_MS);
    return ended;
  }

  end(change: StateChange): void {
    this.messaging.end();
    this.#resolveEnded(change);
  }

  async #stop(cause: StopCause): Promise<void> {
    this.#stopCause ??= cause;
    if (!this.#beginning) return;
    await this.#beginning.catch(() => undefined);
    const { manager } = this.connection;
    if (!manager) return;
    manager.stop(this.#stopCause);
    await this.ended;
  }

  async #drain(): Promise<void> {
    this.messaging.drain();
    this.connection.manager?.drain();
    await this.#finish();
  }

  /** @param lingerMs how long messages are still taken that were on their way */
  async #finish(lingerMs = 0): Promise<void> {
    if (this.connection.manager) {
      const over = this.#after(this.drainTimeoutMs);
      if (lingerMs > 0) await Promise.race([over, this.#after(lingerMs)]);
      this.messaging.refuse();
      await Promise.race([over, this.messaging.idle()]);
    }
    // What still waits is refused while its answer can be sent.
    this.messaging.close();
    await this.#stop("drained");
  }

  /** Resolves after a time, or when the agent has ended. */
  #after(ms: number): Promise<void> {
    const { runtime } = this;
    return new Promise((resolve) => {
      const timer = runtime.setTimeout(resolve, ms);
      void this.ended.then(() => {
        runtime.clearTimeout(timer);
        resolve();
      });
    });
  }
}
