/**
 * Lambda's queue of asynchronous events, for example of schedules and event buses. Failed and throttled events are retried
 * later.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */

import type { Clock, Timer } from "../clock";
import { type AsyncRetries, DEFAULT_RETRIES } from "../resources/event-invoke-config";
import { functionNameOf } from "../resources/function";
import { FunctionThrottled } from "./concurrency";
import type { Invocable } from "./local-function";

/** The delays after the first and the second failure of the function. */
const AFTER_FAILURE_MS = [60_000, 120_000] as const;

/** The delay after the first throttle, which doubles with each further one, and its maximum. */
const AFTER_THROTTLE_MS = { first: 1000, longest: 5 * 60_000 };

export interface AsyncInvocationsOptions {
  /** Finds a function by its ARN. @throws Error if it does not exist */
  functionOf(arn: string): Invocable;
  clock: Clock;
  /** By the function's name. */
  retries: ReadonlyMap<string, AsyncRetries>;
}

/** An event in the queue. */
interface Queued {
  functionArn: string;
  event: unknown;
  since: number;
  failures: number;
  throttles: number;
  /** Called after each failed attempt. */
  report(problem: string): void;
}

export class AsyncInvocations {
  readonly #options: AsyncInvocationsOptions;
  readonly #timers = new Set<Timer>();
  #stopped = false;

  constructor(options: AsyncInvocationsOptions) {
    this.#options = options;
  }

  /**
   * Queues an event. The function runs at once.
   *
   * @param report called with the problem after each failed attempt, and when the event is discarded
   */
  invoke(functionArn: string, event: unknown, report: (problem: string) => void): void {
    const since = this.#options.clock.now();
    void this.#attempt({ functionArn, event, since, failures: 0, throttles: 0, report });
  }

  /** Discards the queue. Calls in progress end with the functions and are not reported. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  async #attempt(queued: Queued): Promise<void> {
    const { functionArn, event, since, report } = queued;
    const { functionOf, clock, retries } = this.#options;
    try {
      await functionOf(functionArn).invoke(event);
    } catch (error) {
      if (this.#stopped) return;
      report((error as Error).message);
      const { maxRetries, maxAgeMs } = retries.get(functionNameOf(functionArn)) ?? DEFAULT_RETRIES;
      const throttled = error instanceof FunctionThrottled;
      if (throttled) queued.throttles += 1;
      else queued.failures += 1;
      const delayMs = throttled
        ? Math.min(AFTER_THROTTLE_MS.longest, AFTER_THROTTLE_MS.first * 2 ** (queued.throttles - 1))
        : (AFTER_FAILURE_MS[queued.failures - 1] ?? 0);
      const tooOld = clock.now() + delayMs - since > maxAgeMs;
      if (queued.failures > maxRetries || tooOld) {
        report(
          `the event is given up, ${tooOld ? "for it is too old" : "for it failed too often"}`,
        );
        return;
      }
      const timer = clock.after(delayMs, () => {
        this.#timers.delete(timer);
        void this.#attempt(queued);
      });
      this.#timers.add(timer);
    }
  }
}
