/** What signs the page in, as it stands in the fragment of the address that the command line opens. */

import { ID_PATTERN } from "@agent-heartbeat/sdk/protocol";

/** Who the page is, and where it connects. */
export interface Viewer {
  /** Where agents connect: `wss://host/stage`, or `wss://host` with a custom domain. */
  url: string;
  organizationId: string;
  /** The viewer that was registered for this page. */
  agentId: string;
  /** When the registration ends. */
  expiresAt: number;
}

export interface Credentials extends Viewer {
  /** PKCS #8 in PEM. */
  privateKey: string;
}

/** The address has no sign-in in it, or one that can't be used. */
export class SignInError extends Error {
  override name = "SignInError";
}

/** Whether a fragment holds a sign-in, be it right or wrong, rather than a place in the page. */
export const holdsSignIn = (fragment: string): boolean => fragment.startsWith("#url=");

/** @throws SignInError naming what is missing or wrong */
export function credentialsIn(fragment: string): Credentials {
  const fields = new URLSearchParams(fragment.slice(1));
  const field = (name: string, form: RegExp, expected: string): string => {
    const value = fields.get(name);
    if (value !== null && form.test(value)) return value;
    const got = value === null ? "nothing" : "something else";
    throw new SignInError(`The sign-in's ${name}: expected ${expected}, got ${got}`);
  };
  const body = field("key", /^[\w-]{32,}$/, "a private key (PKCS #8) in base64url");
  return {
    // A domain of the deployment's own has no path.
    url: field("url", /^wss?:\/\/[^\s/]+(\/\S*)?$/, "a WebSocket URL"),
    organizationId: field("organization", ID_PATTERN, "an organization id"),
    agentId: field("agent", ID_PATTERN, "a viewer's id"),
    expiresAt: Number(field("expires", /^\d{13}$/, "epoch milliseconds")),
    privateKey: pemOf(body),
  };
}

const pemOf = (base64url: string): string => {
  const body = base64url.replaceAll("-", "+").replaceAll("_", "/");
  return `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`;
};
