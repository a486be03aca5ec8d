/** Polls until a condition becomes true, in systems and processes whose time can't be controlled. */

const PAUSE_MS = 50;

/** Resolves to the first value that `look` returns. The test's own timeout limits the wait. */
export async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
