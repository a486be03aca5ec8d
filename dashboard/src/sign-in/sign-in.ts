/** Signs the page in: from the address that it was opened with, or from before it was reloaded. */

import { signingKey } from "@agent-heartbeat/sdk";
import { credentialsIn, holdsSignIn, SignInError } from "./credentials";
import { keepSignIn, keptSignIn, type StoredSignIn } from "./key-store";

/**
 * Takes the sign-in out of the address bar, and with it out of the browser's history.
 *
 * @throws SignInError in a sentence for whoever opened the page
 */
export async function signIn(now: number): Promise<StoredSignIn> {
  const fragment = location.hash;
  if (!holdsSignIn(fragment)) return notExpired(await before(), now);
  history.replaceState(null, "", location.pathname);
  const { privateKey, ...viewer } = credentialsIn(fragment);
  notExpired(viewer, now);
  let key: StoredSignIn["key"];
  try {
    key = await signingKey(privateKey);
  } catch (cause) {
    throw new SignInError("This browser can't use the sign-in's key", { cause });
  }
  const signedIn = { ...viewer, key };
  // A browser that keeps nothing shows the page all the same, until it is reloaded.
  await keepSignIn(signedIn, now).catch(() => undefined);
  return signedIn;
}

async function before(): Promise<StoredSignIn> {
  const kept = await keptSignIn().catch(() => undefined);
  if (kept) return kept;
  throw new SignInError("This address alone does not sign you in");
}

function notExpired<T extends { expiresAt: number }>(viewer: T, now: number): T {
  if (now < viewer.expiresAt) return viewer;
  throw new SignInError("The sign-in has ended");
}
