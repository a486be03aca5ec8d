/** Lambda's limits on concurrent events: of an account, and those reserved for single functions. */

import { LocalRuntimeError } from "../errors";

/** AWS's default for an account. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
export const ACCOUNT_CONCURRENCY = 1000;

/** The minimum that AWS leaves for functions without a reservation. */
const LEAST_UNRESERVED = 100;

/** An event was throttled. The function did not run. */
export class FunctionThrottled extends LocalRuntimeError {
  override name = "FunctionThrottled";

  /** @param reason AWS's name of the reason */
  constructor(functionName: string, reason: string) {
    super(`${functionName}: TooManyRequestsException: Rate Exceeded. (${reason})`);
  }
}

/** A function and its concurrency. */
export interface ConcurrentFunction {
  name: string;
  /** Reserved for the function, and its limit. Undefined: it shares the rest with the other functions. */
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
   * Takes a slot.
   *
   * @returns a function that releases it, to be called once
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
