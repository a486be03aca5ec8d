/** Examines a login token as the service does, without a deployment, and says what it finds. */

import { createPublicKey, type VerifyKeyObjectInput, verify } from "node:crypto";
import { audienceOf } from "@agent-heartbeat/sdk/protocol";
import {
  CLOCK_SKEW_SECONDS,
  type Claims,
  claimsIn,
  MAX_TOKEN_LENGTH,
  periodFault,
} from "../../../core/login-token";
import { duration, moment, relative } from "../terminal/durations";
import type { Finding } from "../terminal/finding";

export interface Expected {
  /** Epoch milliseconds. */
  now: number;
  /** The deployment's WebSocket URL, or its HTTP URL. */
  url?: string;
  /** PEM, or a JWK as JSON. */
  publicKey?: string;
}

interface Parts {
  header: Record<string, unknown>;
  payload: Record<string, unknown>;
  /** What the signature is of. */
  signed: string;
  signature: Buffer;
}

/** What the service would check, as far as that can be known here. */
export async function inspectToken(token: string, expected: Expected): Promise<Finding[]> {
  const parts = partsOf(token);
  if (typeof parts === "string") return [failed("form", parts)];
  const form = ok("form", `a JWT of ${token.length} characters`);
  const read = claimsIn(parts.payload);
  if ("fault" in read) return [form, failed("claims", read.fault)];
  const { claims } = read;
  return [
    form,
    claims.iss === claims.sub
      ? ok("claims", agentOf(claims))
      : failed("claims", `expected iss to be the same as sub, got ${claims.iss}`),
    lifetime({ ...parts.payload, ...claims }, expected.now),
    audience(claims, expected.url),
    await signature(parts, expected.publicKey),
  ];
}

function partsOf(token: string): Parts | string {
  if (token.length > MAX_TOKEN_LENGTH) {
    return `expected at most ${MAX_TOKEN_LENGTH} characters, got ${token.length}`;
  }
  const parts = token.split(".");
  if (parts.length !== 3) return `expected three parts joined by dots, got ${parts.length}`;
  if (!parts.every((part) => /^[\w-]+$/.test(part))) {
    return "expected base64url, which has no =, + and /";
  }
  const [header, payload] = parts.slice(0, 2).map(decoded);
  if (!header) return "expected a header that is base64url of a JSON object";
  if (!payload) return "expected claims that are base64url of a JSON object";
  const signed = token.slice(0, token.lastIndexOf("."));
  return { header, payload, signed, signature: Buffer.from(parts[2] ?? "", "base64url") };
}

function agentOf(claims: Claims): string {
  const { sub, org, instance_id: process, on_duplicate: onDuplicate, rotation } = claims;
  const { heartbeat_interval: interval, heartbeat_timeout: timeout } = claims;
  return [
    `agent ${sub} of organization ${org}`,
    `process ${process}${rotation ? ", which has another connection" : ""}`,
    interval === undefined ? "the interval of the deployment" : `every ${seconds(interval)}`,
    ...(timeout === undefined ? [] : [`offline after ${seconds(timeout)}`]),
    ...(onDuplicate === "reject" ? ["refused while another process holds the agent"] : []),
  ].join(", ");
}

function lifetime(claims: Claims & { nbf?: unknown }, now: number): Finding {
  const { nbf = claims.iat } = claims;
  const early = typeof nbf !== "number" || nbf * 1000 > now + CLOCK_SKEW_SECONDS * 1000;
  const fault = periodFault(claims, now) ?? (early ? "not valid yet, according to nbf" : undefined);
  const issued = moment(claims.iat * 1000);
  const ends = claims.exp * 1000;
  if (fault === undefined) return ok("time", `issued ${issued}, ends ${relative(ends, now)}`);
  return failed(
    "time",
    `${fault}: issued ${issued}, ends ${moment(ends)}, and it is ${moment(now)}`,
    `iat and exp are seconds since 1970, by a clock that is wrong by at most ${CLOCK_SKEW_SECONDS} s. Make a new token for each attempt.`,
  );
}

function audience({ aud }: Claims, url: string | undefined): Finding {
  if (url === undefined) return warning("audience", `${aud}, not compared`, "Pass --url.");
  const isHttp = /^https?:/i.test(url);
  const wanted = isHttp ? new URL(url).origin : audienceOf(url);
  if (aud === wanted) return ok("audience", aud);
  return failed(
    "audience",
    `expected ${wanted}, got ${aud}`,
    isHttp
      ? "For heartbeats over HTTP it is https:// and the host of the HTTP URL, in lower case, without a path."
      : "It is the service's URL: wss://, host in lower case, path, no default port, no trailing slash.",
  );
}

async function signature(parts: Parts, publicKey: string | undefined): Promise<Finding> {
  const { kid, alg } = parts.header;
  if (typeof kid !== "string") return failed("signature", "the header has no kid");
  if (publicKey === undefined) {
    return warning(
      "signature",
      `by ${alg} with the key ${kid}, not verified`,
      "Pass --public-key.",
    );
  }
  const { publicKeyFrom } = await import("@agent-heartbeat/sdk/registry");
  const { keyId, algorithm, jwk } = await publicKeyFrom(publicKey);
  if (kid !== keyId) {
    return failed(
      "signature",
      `expected the kid ${keyId}, got ${kid}`,
      "kid is the key's RFC 7638 thumbprint.",
    );
  }
  if (alg !== algorithm) return failed("signature", `expected the alg ${algorithm}, got ${alg}`);
  const key: VerifyKeyObjectInput = {
    key: createPublicKey({ key: { ...jwk }, format: "jwk" }),
    dsaEncoding: "ieee-p1363",
  };
  const digest = algorithm === "EdDSA" ? null : "sha256";
  return verify(digest, Buffer.from(parts.signed), key, parts.signature)
    ? ok("signature", `by ${algorithm} with the key ${keyId}`)
    : failed("signature", `it was not made with the key ${keyId} for this header and these claims`);
}

const seconds = (value: number) => duration(value * 1000);

/** The JSON object in a part of a token; undefined if there is none. */
function decoded(part = ""): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const ok = (check: string, finding: string): Finding => ({ check, state: "ok", finding });
const warning = (check: string, finding: string, fix: string): Finding => ({
  check,
  state: "warning",
  finding,
  fix,
});
const failed = (check: string, finding: string, fix?: string): Finding => ({
  check,
  state: "failed",
  finding,
  ...(fix && { fix }),
});
