/** Emulates Lambda: throttles events beyond the concurrency limit, and passes the others to an environment. */

import { LocalRuntimeError } from "../errors";
import type { FunctionDescription } from "../resources/function";
import type { Concurrency } from "./concurrency";
import { type EnvironmentOptions, FunctionEnvironment } from "./environment";
import { FunctionFailed } from "./function-failed";

/** A function that can be invoked. */
export interface Invocable {
  /**
   * Invokes the function and waits for its result.
   *
   * @param signal aborted when the caller no longer waits; a queued event is then discarded
   * @throws FunctionFailed if it throws, times out or crashes
   * @throws FunctionThrottled if too many events are in progress
   */
  invoke(event: unknown, signal?: AbortSignal): Promise<unknown>;
}

/** An invocation, as passed to `around`. */
export interface Call {
  functionName: string;
  event: unknown;
  /** Makes the invocation. @throws FunctionFailed, FunctionThrottled like `invoke` */
  proceed(): Promise<unknown>;
}

export interface LocalFunctionOptions extends EnvironmentOptions {
  /** Shared by all functions. */
  concurrency: Concurrency;
  /** Called instead of the invocation. @default - the invocation is made */
  around?: (call: Call) => Promise<unknown>;
}

/** An event that waits for the environment. */
interface Waiting {
  begin(environment: FunctionEnvironment): void;
  fail(error: unknown): void;
}

export class LocalFunction implements Invocable {
  readonly #options: LocalFunctionOptions;
  /** The current environment. Earlier ones may still be finishing events. */
  #current: FunctionEnvironment | undefined;
  readonly #environments = new Set<FunctionEnvironment>();
  /** In order of arrival. Bounded by the concurrency limit. */
  readonly #waiting = new Set<Waiting>();
  #stopped = false;

  constructor(options: LocalFunctionOptions) {
    this.#options = options;
  }

  get description(): FunctionDescription {
    return this.#options.description;
  }

  /**
   * Loads the code, so that the first event is not a cold start. @throws FunctionFailed if loading
   * fails
   */
  async warm(): Promise<void> {
    await this.#environment().ready;
  }

  async invoke(event: unknown, signal?: AbortSignal): Promise<unknown> {
    const { around, description } = this.#options;
    const proceed = () => this.#invoke(event, signal);
    return around ? around({ functionName: description.name, event, proceed }) : proceed();
  }

  /** Ends every environment for good. Events in progress fail. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#failWaiting(this.#stoppedFailure());
    await Promise.all([...this.#environments].map((environment) => environment.end()));
  }

  /** Ends the environments. Events in progress fail, and the next event starts a new one. */
  async endEnvironment(): Promise<void> {
    await Promise.all([...this.#environments].map((environment) => environment.end()));
  }

  async #invoke(event: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    if (this.#stopped) throw this.#stoppedFailure();
    const release = this.#options.concurrency.take(this.description.name);
    try {
      // Avoids a needless turn of the event loop: every heartbeat passes here.
      const free = this.#waiting.size === 0 && this.#current?.hasRoom;
      return await (free ? this.#current?.invoke(event) : this.#queue(event, signal));
    } finally {
      release();
    }
  }

  #queue(event: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(waiting);
        signal?.removeEventListener("abort", giveUp);
      };
      const waiting: Waiting = {
        begin(environment) {
          leave();
          environment.invoke(event).then(resolve, reject);
        },
        fail(error) {
          leave();
          reject(error);
        },
      };
      const giveUp = () => {
        const { name } = this.description;
        waiting.fail(new LocalRuntimeError(`${name}: given up by its caller before it ran`));
      };
      if (signal?.aborted) return giveUp();
      signal?.addEventListener("abort", giveUp);
      this.#waiting.add(waiting);
      this.#environment();
      this.#work();
    });
  }

  /** Starts waiting events, as far as there is room. */
  #work(): void {
    for (const waiting of this.#waiting) {
      if (!this.#current?.hasRoom) return;
      waiting.begin(this.#current);
    }
  }

  /** The environment for the next event: a new one if there is none, or it accepts no more. */
  #environment(): FunctionEnvironment {
    if (this.#current?.isOfUse) return this.#current;
    const environment = new FunctionEnvironment(this.#options, () => {
      // As in Lambda, events whose environment can't be started fail.
      if (environment.startFailure) this.#failWaiting(environment.startFailure);
      else if (!environment.isOfUse && this.#waiting.size > 0) this.#environment();
      this.#work();
    });
    this.#current = environment;
    this.#environments.add(environment);
    void environment.ended.then(() => this.#environments.delete(environment));
    return environment;
  }

  #failWaiting(error: unknown): void {
    for (const waiting of [...this.#waiting]) waiting.fail(error);
  }

  #stoppedFailure(): FunctionFailed {
    const [errorType, errorMessage] = ["Runtime.Stopped", "the function was stopped"];
    return new FunctionFailed(this.description.name, { errorType, errorMessage });
  }
}
