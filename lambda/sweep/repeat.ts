/** Repeats the sweep within an invocation, because EventBridge can schedule a function at most once a minute. */

const MINUTE_MS = 60_000;

/** The part of Lambda's context that is used. */
interface Context {
  getRemainingTimeInMillis(): number;
}

export interface RepeatOptions {
  /** Time from the start of a pass to the start of the next one, in milliseconds. */
  intervalMs: number;
  /** Epoch milliseconds. */
  clock: () => number;
  /** Resolves after a time in milliseconds. */
  sleep: (ms: number) => Promise<void>;
  /** How long before the function's timeout no further pass begins, in milliseconds. */
  reserveMs: number;
}

/**
 * A handler that runs `sweep` every `intervalMs` for a minute; only once if the interval is a minute or more. A pass that takes
 * longer than the interval delays the next one. Passes of two invocations may overlap.
 *
 * @throws the first error of a pass, after the last pass
 */
export function repeatedSweep<Result>(
  sweep: (event: unknown, context: Context) => Promise<Result>,
  { intervalMs, clock, sleep, reserveMs }: RepeatOptions,
) {
  return async (event: unknown, context: Context): Promise<Result> => {
    const begin = clock();
    const errors: unknown[] = [];
    for (;;) {
      const startedAt = clock();
      let result: Result | undefined;
      try {
        result = await sweep(event, context);
      } catch (error) {
        errors.push(error);
      }
      const nextAt = Math.max(startedAt + intervalMs, clock());
      const fits = context.getRemainingTimeInMillis() - (nextAt - clock()) > reserveMs;
      if (nextAt >= begin + MINUTE_MS || !fits) {
        if (errors.length > 0) throw errors[0];
        return result as Result;
      }
      await sleep(nextAt - clock());
    }
  };
}
