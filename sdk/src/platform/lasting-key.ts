/** Uses the key of the last login again if its source fails or hangs. */

import type { KeySource } from "../connection/key-source";
import type { SigningKey } from "../connection/keys";
import { KeyError } from "../errors";
import { describe } from "../user-code";
import type { Runtime } from "./runtime";

/** The part of `connectTimeout` that a source may take. The rest is for the handshake. */
const SHARE = 2 / 3;

/**
 * A source that fails only as long as no key is known.
 *
 * @param warn called with the reason for using the last key again
 */
export function lastingKey(
  { load, ...source }: KeySource,
  runtime: Pick<Runtime, "setTimeout" | "clearTimeout">,
  connectTimeoutMs: number,
  warn: (message: string) => void,
): KeySource {
  let last: SigningKey | undefined;
  return {
    ...source,
    async load() {
      const before = last;
      let timer: unknown;
      try {
        last = await new Promise<SigningKey>((resolve, reject) => {
          const late = () => reject("no answer in time");
          if (before || source.isFunction)
            timer = runtime.setTimeout(late, connectTimeoutMs * SHARE);
          load().then(resolve, reject);
        });
        return last;
      } catch (cause) {
        const error =
          cause instanceof KeyError
            ? cause
            : new KeyError(`${source.name ?? "the key's source"}: ${describe(cause)}`, { cause });
        if (!before) throw error;
        warn(`${error.message}; the last key is used again`);
        return before;
      } finally {
        runtime.clearTimeout(timer);
      }
    },
  };
}
