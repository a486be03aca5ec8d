/** Works on many things, a few at a time. */

/** Calls `work` for each item, at most `limit` at once, until all are done or the signal is aborted. */
export async function forEachConcurrently<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const pending = items[Symbol.iterator]();
  const worker = async () => {
    while (!signal?.aborted) {
      const { done, value } = pending.next();
      if (done) return;
      await work(value);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}
