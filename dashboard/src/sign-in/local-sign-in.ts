/**
 * Signs in to the runtime on this machine, which offers that to the page it serves: with a key that is made here, and
 * whose private half never leaves the browser.
 */

import type { PublicJwk } from "@agent-heartbeat/sdk";
import { SignInError } from "./credentials";
import type { StoredSignIn } from "./key-store";

const SIGN_IN_PATH = "/sign-in";

/** A sign-in that the page has asked for itself, and can ask for again. */
export interface LocalSignIn extends StoredSignIn {
  publicKey: PublicJwk;
}

/** Whether the page may ask for a sign-in. A deployment's page may not, and never asks. */
export const isOffered = (): boolean => offer() !== null;

/** The organization that the page's address names, or else the one that is offered. */
export const wantedOrganization = (): string => namedOrganization() ?? offer()?.content ?? "";

/** The organization in the page's address, as in `/?organization=acme`. */
export const namedOrganization = (): string | null =>
  new URLSearchParams(location.search).get("organization");

export const isLocal = (signIn: StoredSignIn): signIn is LocalSignIn => "publicKey" in signIn;

/** @throws SignInError with a message for the user */
export async function newLocalSignIn(): Promise<LocalSignIn> {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: "P-256" },
    false,
    ["sign", "verify"],
  );
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
  const jwk = { kty, crv, x, y } as PublicJwk;
  const { keyId, ...viewer } = await ask(wantedOrganization(), jwk);
  return { ...viewer, key: { key: privateKey, algorithm: "ES256", keyId }, publicKey: jwk };
}

/**
 * Asks for the same sign-in again, which a restarted runtime no longer knows.
 *
 * @throws SignInError if it is not given
 */
export async function repeated(signIn: LocalSignIn): Promise<LocalSignIn> {
  const { keyId: _, ...viewer } = await ask(signIn.organizationId, signIn.publicKey);
  return { ...signIn, ...viewer };
}

interface Answer {
  url: string;
  organizationId: string;
  agentId: string;
  keyId: string;
  expiresAt: number;
}

async function ask(organizationId: string, publicKey: PublicJwk): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(SIGN_IN_PATH, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ organizationId, publicKey }),
    });
  } catch (cause) {
    throw new SignInError("The local runtime does not answer", { cause });
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer as Answer;
  throw new SignInError(`The local runtime gives no sign-in: ${answer.message ?? response.status}`);
}

const offer = () =>
  document.querySelector<HTMLMetaElement>('meta[name="agent-heartbeat-sign-in"][content]');
