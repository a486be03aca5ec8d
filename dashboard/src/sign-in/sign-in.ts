/**
 * Signs the page in: from the address that it was opened with, from before it was reloaded, or where the runtime on
 * this machine offers it.
 */

import { signingKey } from "@agent-heartbeat/sdk";
import { credentialsIn, holdsSignIn, SignInError } from "./credentials";
import { keepSignIn, keptSignIn, type StoredSignIn } from "./key-store";
import {
  isLocal,
  isOffered,
  namedOrganization,
  newLocalSignIn,
  repeated,
  wantedOrganization,
} from "./local-sign-in";
import { isSignedOut } from "./signing-out";

/**
 * Takes the sign-in out of the address bar, and with it out of the browser's history.
 *
 * @throws SignInError with a message for the user
 */
export async function signIn(now: number): Promise<StoredSignIn> {
  const fragment = location.hash;
  if (!holdsSignIn(fragment)) {
    return isOffered() ? offered(now) : notExpired(await before(), now);
  }
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
  // In a browser without storage, the sign-in lasts until the page is reloaded.
  await keepSignIn(signedIn, now).catch(() => undefined);
  return signedIn;
}

/** The tab's own sign-in as long as it is good, or else a new one. */
async function offered(now: number): Promise<StoredSignIn> {
  const kept = await keptSignIn().catch(() => undefined);
  if (kept && now < kept.expiresAt && isWanted(kept)) {
    return isLocal(kept) ? repeated(kept) : kept;
  }
  if (isSignedOut()) throw new SignInError("You are signed out");
  return renewed(now);
}

/**
 * A new sign-in of the runtime on this machine.
 *
 * @throws SignInError with a message for the user
 */
export async function renewed(now: number): Promise<StoredSignIn> {
  const signedIn = await newLocalSignIn();
  await keepSignIn(signedIn, now).catch(() => undefined);
  return signedIn;
}

/** A link that was opened in this tab is for its own organization, unless the address names another one. */
function isWanted(kept: StoredSignIn): boolean {
  const organization = isLocal(kept) ? wantedOrganization() : namedOrganization();
  return organization === null || organization === kept.organizationId;
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
