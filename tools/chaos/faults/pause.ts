/** Waiting, for what a run does by the clock. */

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Waits until a condition holds. @returns whether it did in time */
export async function until(condition: () => boolean, withinMs: number): Promise<boolean> {
  const EVERY_MS = 200;
  for (let waitedMs = 0; !condition(); waitedMs += EVERY_MS) {
    if (waitedMs >= withinMs) return false;
    await pause(EVERY_MS);
  }
  return true;
}
