/** How many events Lambda handles at once: an account's limit, and the share that is set aside for single functions. */

import { LocalRuntimeError } from "../errors";

/** AWS's default for an account. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
export const ACCOUNT_CONCURRENCY = 1000;

/** What AWS insists on leaving for the functions without a reservation, in an account that has as much. */
const LEAST_UNRESERVED = 100;

/** An event was refused because too many others are under way. The function did not run. */
export class FunctionThrottled extends LocalRuntimeError {
  override name = "FunctionThrottled";

  /** @param reason as AWS names it */
  constructor(functionName: string, reason: string) {
    super(`${functionName}: TooManyRequestsException: Rate Exceeded. (${reason})`);
  }
}

/** A function, as far as its concurrency goes. */
export interface ConcurrentFunction {
  name: string;
  /** Set aside for it alone, and its limit. Undefined: it shares what is left with the others. */
  reservedConcurrency?: number;
}

interface Pool {
  free: number;
  reason: string;
}

export class Concurrency {
  readonly #shared: Pool;
  readonly #reserved = new Map<string, Pool>();

  /** @throws LocalRuntimeError if the reservations leave too little for the other functions */
  constructor(limit: number, functions: readonly ConcurrentFunction[]) {
    let free = limit;
    for (const { name, reservedConcurrency } of functions) {
      if (reservedConcurrency === undefined) continue;
      free -= reservedConcurrency;
      const reason = "ReservedFunctionConcurrentInvocationLimitExceeded";
      this.#reserved.set(name, { free: reservedConcurrency, reason });
    }
    const least = Math.min(limit, LEAST_UNRESERVED);
    if (free < least) {
      throw new LocalRuntimeError(
        `ReservedConcurrentExecutions: expected at least ${least} of the account's ${limit} to be left unreserved, got ${free}`,
      );
    }
    this.#shared = { free, reason: "ConcurrentInvocationLimitExceeded" };
  }

  /**
   * Takes one of the places.
   *
   * @returns what gives it back, to be called once
   * @throws FunctionThrottled if none is free
   */
  take(functionName: string): () => void {
    const pool = this.#reserved.get(functionName) ?? this.#shared;
    if (pool.free <= 0) throw new FunctionThrottled(functionName, pool.reason);
    pool.free -= 1;
    return () => {
      pool.free += 1;
    };
  }
}
