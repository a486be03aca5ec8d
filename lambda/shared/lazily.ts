/** Builds what most invocations never need when it is first needed, so that a cold start does not wait for it. */

/** @returns a function that makes the value at its first call, and gives the same one ever after */
export function lazily<T extends object>(make: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= make();
    return value;
  };
}
