/** Finds a key in the forms in which files, environments and secret managers hand it over. */

import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { types } from "node:util";
import { ACCEPTED, MIN_RSA_BITS } from "../connection/keys";
import { KeyError } from "../errors";

/** Which half of a pair is looked for. A private key has its public half in it. */
export type KeyHalf = "private" | "public";

/** How often a text may be wrapped: base64 in JSON in JSON, say. */
const MAX_DEPTH = 6;

/** Shorter texts of base64's letters are words. */
const MIN_BASE64_LENGTH = 40;

/**
 * The one key in a material: PEM with or without other blocks, DER, a JWK, base64 of any of these, JSON of which one
 * member holds any of these, or a `KeyObject`. Texts may have quotes or white space around them, a byte order mark,
 * line ends of any system, or a backslash and a letter in their place.
 *
 * @param passphrase of a private key that is encrypted
 * @throws KeyError if there is no such key, or more than one, or it is of a kind that is not accepted. It never
 *   quotes the material.
 */
export function keyIn(material: unknown, half: KeyHalf, passphrase?: string): KeyObject {
  const key = find(material, { half, passphrase }, 0);
  const kind = key.asymmetricKeyType;
  const { modulusLength: bits = MIN_RSA_BITS, namedCurve = "" } = key.asymmetricKeyDetails ?? {};
  if (bits < MIN_RSA_BITS) throw wrong(half, `an RSA key of ${bits} bits`);
  if (kind === "rsa" || kind === "ed25519" || namedCurve === "prime256v1") return key;
  throw wrong(half, `${kind} ${namedCurve}`.trim());
}

interface Search {
  half: KeyHalf;
  passphrase: string | undefined;
}

function find(material: unknown, search: Search, depth: number): KeyObject {
  const { half } = search;
  if (depth > MAX_DEPTH) throw wrong(half, "something that is wrapped too often");
  if (typeof material === "string") return inText(material, search, depth);
  if (types.isAnyArrayBuffer(material)) return inBytes(new Uint8Array(material), search, depth);
  if (ArrayBuffer.isView(material)) {
    const { buffer, byteOffset, byteLength } = material;
    return inBytes(new Uint8Array(buffer, byteOffset, byteLength), search, depth);
  }
  if (typeof material !== "object" || material === null) {
    throw wrong(half, material === null ? "null" : `a value of type ${typeof material}`);
  }
  if (isKeyObject(material)) {
    if (half === "public" || material.type === "private") return material;
    throw wrong(half, `a ${material.type} key`);
  }
  if ("kty" in material) return inJwk(material, search);
  return inMembers(material, search, depth);
}

function inBytes(bytes: Uint8Array, search: Search, depth: number): KeyObject {
  const text = textOf(bytes);
  return text === undefined ? inDer(Buffer.from(bytes), search) : find(text, search, depth + 1);
}

/** Undefined for what is no text: DER has bytes that none has. */
function textOf(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes;
  const utf16 = first === 0xff && second === 0xfe ? "utf-16le" : "utf-16be";
  const isUtf16 = utf16 === "utf-16le" || (first === 0xfe && second === 0xff);
  try {
    const text = new TextDecoder(isUtf16 ? utf16 : "utf-8", { fatal: true }).decode(bytes);
    return /[^\P{Cc}\s]/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function inText(text: string, search: Search, depth: number): KeyObject {
  const trimmed = text.trim();
  if (trimmed === "") throw wrong(search.half, "an empty text");
  if (/^[{["]/.test(trimmed)) {
    const value = parsed(trimmed);
    if (value !== undefined) return find(value, search, depth + 1);
    if (!trimmed.startsWith('"')) throw wrong(search.half, "JSON that can't be parsed");
  }
  const [, , quoted] = /^(["'`])(.*)\1$/s.exec(trimmed) ?? [];
  if (quoted !== undefined) return inText(quoted, search, depth + 1);
  if (trimmed.includes("-----BEGIN ")) return inPem(trimmed, search);
  const base64 = trimmed.replace(/\s|\\+[nr]/g, "");
  if (base64.length >= MIN_BASE64_LENGTH && /^[\w+/-]+={0,2}$/.test(base64)) {
    return inBytes(Buffer.from(base64, "base64"), search, depth + 1);
  }
  const isPath = trimmed.length < 256 && /[/\\]|\.(pem|key|p8|der|json)$/.test(trimmed);
  const path = `the path of a file: give its text${search.half === "private" ? ", or privateKeyPath" : ""}`;
  throw wrong(search.half, isPath ? path : "another text");
}

/** Undefined for what is not JSON. Its error would quote the text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface Block {
  label: string;
  pem: string;
}

function inPem(text: string, { half, passphrase }: Search): KeyObject {
  const blocks = blocksOf(text);
  const wanted = half === "private" ? [privateOnes] : [publicOnes, privateOnes, certificate];
  const chosen = wanted.map((choose) => choose(blocks)).find(({ length }) => length > 0) ?? [];
  const [first, ...others] = chosen.map(({ label, pem }) => read(label, pem, half, passphrase));
  if (!first) {
    const labels = blocks.map(({ label }) => `-----BEGIN ${label}-----`).join(" and ");
    throw wrong(half, labels || "PEM without its last line");
  }
  if (others.every((other) => other.equals(first))) return first;
  throw wrong(half, `${chosen.length} different keys`);
}

const privateOnes = (blocks: Block[]) =>
  blocks.filter(({ label }) => label.endsWith("PRIVATE KEY"));
const publicOnes = (blocks: Block[]) => blocks.filter(({ label }) => label.endsWith("PUBLIC KEY"));
/** The first one of a chain is the owner's. */
const certificate = (blocks: Block[]) =>
  blocks.filter(({ label }) => label === "CERTIFICATE").slice(0, 1);

/** The blocks of a PEM text, with the line ends that OpenSSL wants. */
function blocksOf(text: string): Block[] {
  const lines = text.replace(/\\+r/g, "").replace(/\\+n/g, "\n");
  const found = lines.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----/gs);
  return [...found].map(([, label = "", body = ""]) => {
    // The headers of a key that is encrypted in the old way end in an empty line.
    const [, headers = "", base64 = body] = /^(.*?:.*?\n)\s*?\n(.*)$/s.exec(body) ?? [];
    const head = headers.trim().replace(/\s*\n\s*/g, "\n");
    const wrapped = base64.replace(/\s/g, "").replace(/.{64}(?=.)/g, "$&\n");
    const content = head ? `${head}\n\n${wrapped}` : wrapped;
    return { label, pem: `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n` };
  });
}

function read(label: string, pem: string, half: KeyHalf, passphrase?: string): KeyObject {
  if (label === "OPENSSH PRIVATE KEY") {
    throw wrong(half, `a key in OpenSSH's own format (-----BEGIN ${label}-----)`);
  }
  const isEncrypted = label.startsWith("ENCRYPTED") || pem.includes("ENCRYPTED\n");
  if (isEncrypted && passphrase === undefined) {
    throw wrong(half, "a private key that is encrypted, and no passphrase");
  }
  try {
    if (label.endsWith("PRIVATE KEY")) {
      const key = createPrivateKey({ key: pem, ...(isEncrypted && { passphrase }) });
      return half === "private" ? key : createPublicKey(key);
    }
    return createPublicKey(pem);
  } catch (cause) {
    const why = isEncrypted ? "that its passphrase does not open" : "that can't be read";
    throw wrong(half, `-----BEGIN ${label}----- ${why}`, cause);
  }
}

function inDer(key: Buffer, { half, passphrase }: Search): KeyObject {
  const format = "der";
  const attempts = [
    ...(half === "public"
      ? (["spki", "pkcs1"] as const).map((type) => () => createPublicKey({ key, format, type }))
      : []),
    ...(["pkcs8", "pkcs1", "sec1"] as const).map((type) => () => {
      const found = createPrivateKey({ key, format, type, ...(passphrase && { passphrase }) });
      return half === "private" ? found : createPublicKey(found);
    }),
  ];
  for (const attempt of attempts) {
    try {
      return attempt();
    } catch {
      // Another form, perhaps.
    }
  }
  throw wrong(half, "bytes that are neither text nor a key in DER");
}

function inJwk(jwk: object, { half }: Search): KeyObject {
  const { kty, crv, x, y, n, e, d, p, q, dp, dq, qi } = jwk as Record<string, unknown>;
  // Through JSON, so that absent members are not there as undefined.
  const members = JSON.parse(
    JSON.stringify({ kty, crv, x, y, n, e, ...(half === "private" && { d, p, q, dp, dq, qi }) }),
  );
  if (half === "private" && !d) throw wrong(half, `a JWK of kty ${kty} without the member d`);
  try {
    return half === "private"
      ? createPrivateKey({ key: members, format: "jwk" })
      : createPublicKey({ key: members, format: "jwk" });
  } catch (cause) {
    throw wrong(half, `a JWK of kty ${kty} that can't be read`, cause);
  }
}

/** A secret with several fields, a secret manager's whole answer, a set of JWKs. */
function inMembers(object: object, search: Search, depth: number): KeyObject {
  const found = new Map<string, KeyObject>();
  let failure: unknown;
  for (const [name, value] of Object.entries(object)) {
    if (value === null || (typeof value !== "object" && typeof value !== "string")) continue;
    try {
      found.set(name, find(value, search, depth + 1));
    } catch (error) {
      const looksLikeIt = typeof value === "string" && value.includes("PRIVATE KEY-----");
      if (looksLikeIt) failure ??= error;
    }
  }
  const [first, ...others] = found.values();
  if (first && others.every((other) => other.equals(first))) return first;
  if (first) throw wrong(search.half, `different keys in ${[...found.keys()].join(", ")}`);
  if (failure) throw failure;
  const names = Object.keys(object).slice(0, 10).join(", ");
  throw wrong(search.half, `an object that has none in its members (${names})`);
}

/** By its form: one may come from another copy of the module, as in Jest. */
const isKeyObject = (value: object): value is KeyObject =>
  "asymmetricKeyType" in value && "export" in value;

function wrong(half: KeyHalf, got: string, cause?: unknown): KeyError {
  const forms = "as PEM, DER, JWK, base64 of one of these, or JSON with one of these in it";
  return new KeyError(`${half} key: expected ${ACCEPTED} ${forms}, got ${got}`, { cause });
}
