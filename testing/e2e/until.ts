/** Waits for what becomes true by itself, in a system that can't be told to hurry. */

const PAUSE_MS = 50;

/** The first value that `look` finds. The test's own time-out ends the waiting. */
export async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
