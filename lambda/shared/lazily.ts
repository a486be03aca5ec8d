/** Creates rarely needed objects on first use, so that a cold start does not wait for them. */

/** @returns a function that creates the value at its first call, and returns the same one afterwards */
export function lazily<T extends object>(make: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= make();
    return value;
  };
}
