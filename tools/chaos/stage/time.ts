/** One clock for all processes of a run, unaffected by changes of the machine's time. */

/** The machine's monotonic clock in milliseconds, the same in every process. */
const monotonic = () => Number(process.hrtime.bigint() / 1000n) / 1000;

/** Added to the monotonic clock so that it equals `Date.now()` at the beginning of the run. */
export const originNow = () => Date.now() - monotonic();

/** @param origin the origin of the process that started the run */
export const sharedClock = (origin: number) => () => origin + monotonic();

/** Measures the delay of timers. Calls back once a second with the maximum of that second. */
export function watchLag(now: () => number, report: (lag: { at: number; ms: number }) => void) {
  const EVERY_MS = 20;
  let worst = 0;
  let planned = now() + EVERY_MS;
  let second = now();
  const timer = setInterval(() => {
    const at = now();
    worst = Math.max(worst, at - planned);
    planned = at + EVERY_MS;
    if (at - second < 1000) return;
    report({ at, ms: worst });
    worst = 0;
    second = at;
  }, EVERY_MS);
  return () => clearInterval(timer);
}
