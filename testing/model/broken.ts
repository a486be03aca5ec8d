/** How a broken promise is reported. */

/** Somebody was told something else than the truth, or not told what is so. */
export class BrokenPromise extends Error {
  override name = "BrokenPromise";
}

/** @throws BrokenPromise with what was found instead */
export function broken(promise: string, found: unknown): never {
  throw new BrokenPromise(`${promise}: found ${text(found)}`);
}

export const text = (found: unknown) =>
  JSON.stringify(found, (_, value) => (value instanceof Set ? [...value] : value));
