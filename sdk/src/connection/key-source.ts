/** Where a client's private key comes from. */

import type { SigningKey } from "./keys";

export interface KeySource {
  /**
   * Called before each login, so that a key that was replaced is used without a restart.
   *
   * @throws KeyError if what is found is no private key of an accepted kind.
   */
  load(): Promise<SigningKey>;
  /** Whether a function of the user is asked, which may fail for a while and is asked again. */
  isFunction: boolean;
  /** What is asked, in an error's words. @default "the key's source" */
  name?: string;
  /** A login with the key was refused. Returns whether the next one may succeed, so that it is worth trying at once. */
  refused?: () => boolean;
}

/**
 * The source for an option that is a key or a function that returns one.
 *
 * @param read makes a signing key of it
 */
export function keySourceOf<Key>(
  given: Key | (() => Key | Promise<Key>),
  read: (key: Key) => Promise<SigningKey>,
): KeySource {
  if (typeof given === "function") {
    const ask = given as () => Key | Promise<Key>;
    return { isFunction: true, load: async () => read(await ask()) };
  }
  let key: Promise<SigningKey> | undefined;
  return { isFunction: false, load: () => (key ??= read(given)) };
}
