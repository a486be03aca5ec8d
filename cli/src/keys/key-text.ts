/** Tells what a text holds where a key is expected, so that a private key is never taken for a public one. */

import type { PublicJwk } from "@agent-heartbeat/sdk/registry";
import { parseJson } from "../input/json-text";

/** What a text is. In hints, `FILE` is the file's name. */
interface Form {
  kind: "public" | "private" | "other";
  /** As in `got a certificate`. */
  what: string;
  /** The command that makes a public key of it. */
  toPublic?: string;
  /** The command that converts it to a private key that agents can read. */
  toPrivate?: string;
}

const PUBKEY_OUT = "openssl pkey -in FILE -pubout -out FILE.pub";
const privateKey = (what: string, toPrivate?: string): Form => ({
  kind: "private",
  what,
  ...(toPrivate && { toPrivate }),
});

/** By the label of a PEM block, or by how the text begins. The first that fits counts. */
const FORMS: readonly (readonly [pattern: RegExp, form: Form])[] = [
  [
    /BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m,
    privateKey("an encrypted private key", "openssl pkey -in FILE -out NEW-FILE"),
  ],
  [
    /BEGIN OPENSSH PRIVATE KEY-----/,
    privateKey("a private key in OpenSSH's form", "ssh-keygen -p -m PKCS8 -f FILE"),
  ],
  [
    /^PuTTY-User-Key-File/,
    privateKey("a private key in PuTTY's form", "puttygen FILE -O private-openssh -o NEW-FILE"),
  ],
  [/BEGIN PGP PRIVATE KEY/, privateKey("a PGP private key", "agent-heartbeat keys generate")],
  [/PRIVATE KEY-----/, { ...privateKey("a private key"), toPublic: PUBKEY_OUT }],
  [
    /BEGIN (NEW )?CERTIFICATE REQUEST-----/,
    {
      kind: "other",
      what: "a certificate signing request",
      toPublic: "openssl req -in FILE -pubkey -noout",
    },
  ],
  [
    /BEGIN (X509 |TRUSTED )?CERTIFICATE-----/,
    { kind: "other", what: "a certificate", toPublic: "openssl x509 -in FILE -pubkey -noout" },
  ],
  [
    /^(ssh-\w+|ecdsa-sha2-\S+|sk-\S+) AAAA|BEGIN SSH2 PUBLIC KEY/m,
    {
      kind: "other",
      what: "a public key in OpenSSH's form",
      toPublic: "ssh-keygen -e -m PKCS8 -f FILE",
    },
  ],
  [/BEGIN (RSA )?PUBLIC KEY-----/, { kind: "public", what: "a public key" }],
];

/** Members that only private and symmetric keys have. */
const SECRET_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

async function formOf(text: string): Promise<Form> {
  if (text.trim() === "") return { kind: "other", what: "an empty text" };
  const form = FORMS.find(([pattern]) => pattern.test(text))?.[1];
  if (form) return form;
  if (!/^\s*[[{]/.test(text)) return { kind: "other", what: "another text" };
  let jwk: object;
  try {
    jwk = (await parseJson(text)) as object;
  } catch (cause) {
    return { kind: "other", what: `broken JSON (${(cause as Error).message})` };
  }
  if ("keys" in jwk) return { kind: "other", what: "a set of JWKs, not one of them" };
  if (!SECRET_MEMBERS.some((name) => name in jwk)) return { kind: "public", what: "a public key" };
  return privateKey("a private key as a JWK", "agent-heartbeat keys generate --out NEW-FILE");
}

/** A text does not hold the key that it should. Nothing of a key is in the message. */
class WrongKeyError extends Error {
  override name = "WrongKeyError";

  /** @param hint what makes the right key of it; `FILE` is the file's name */
  constructor(
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

/**
 * The text itself, if it is a public key in PEM or as a JWK that the registry takes.
 *
 * @throws WrongKeyError if it is anything else, KeyError if it is of a kind that is not accepted
 */
export async function publicKeyIn(text: string): Promise<string> {
  const { kind, what, toPublic } = await formOf(text);
  if (kind !== "public") {
    const secret = kind === "private" ? ", which must not leave the machine of its agent" : "";
    throw new WrongKeyError(`expected a public key, got ${what}${secret}`, toPublic);
  }
  const { publicKeyFrom } = await import("@agent-heartbeat/sdk/registry");
  await publicKeyFrom(text);
  return text;
}

/** The same of a JWK that is no text any more. */
export async function publicJwkIn(jwk: object): Promise<PublicJwk> {
  await publicKeyIn(JSON.stringify(jwk));
  return jwk as PublicJwk;
}

/**
 * The key id of a private key in PEM, as an agent reads it.
 *
 * @throws WrongKeyError if it is anything else, KeyError if it is of a kind that is not accepted
 */
export async function privateKeyIdIn(text: string): Promise<string> {
  const { kind, what, toPrivate } = await formOf(text);
  if (kind !== "private" || toPrivate) {
    throw new WrongKeyError(`expected the agent's private key in PEM, got ${what}`, toPrivate);
  }
  const { publicKeyFrom } = await import("@agent-heartbeat/sdk/registry");
  return (await publicKeyFrom(text)).keyId;
}
