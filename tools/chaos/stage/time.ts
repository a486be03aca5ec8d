/** One clock for all processes of a run, which no change of the machine's time moves. */

/** Milliseconds of the machine's monotonic clock, the same in every process. */
const monotonic = () => Number(process.hrtime.bigint() / 1000n) / 1000;

/** What is added to the monotonic clock, so that it counts as `Date.now()` did when the run began. */
export const originNow = () => Date.now() - monotonic();

/** @param origin from the process that began the run */
export const sharedClock = (origin: number) => () => origin + monotonic();

/** Measures how late timers come: calls back once a second with the worst of that second. */
export function watchLag(now: () => number, tell: (lag: { at: number; ms: number }) => void) {
  const EVERY_MS = 20;
  let worst = 0;
  let planned = now() + EVERY_MS;
  let second = now();
  const timer = setInterval(() => {
    const at = now();
    worst = Math.max(worst, at - planned);
    planned = at + EVERY_MS;
    if (at - second < 1000) return;
    tell({ at, ms: worst });
    worst = 0;
    second = at;
  }, EVERY_MS);
  return () => clearInterval(timer);
}
