/** Where a client's key comes from in Node.js: an option, a file, or an enrolment. */

import { readFile } from "node:fs/promises";
import { type KeySource, keySourceOf } from "../connection/key-source";
import { type CryptoKey, signingKey } from "../connection/keys";
import { ConfigurationError, KeyError } from "../errors";
import type { NodeAgentOptions } from "../node-options";
import { enrolledKey } from "./enrolled-key";
import { givenHttpUrl } from "./http/http-url";
import { keyIn } from "./key-material";
import { lastingKey } from "./lasting-key";
import type { Runtime } from "./runtime";

/** The options that say where the key comes from, and whose it is. */
export type KeyOptions = Pick<
  NodeAgentOptions,
  | "agentId"
  | "organizationId"
  | "privateKey"
  | "privateKeyPath"
  | "passphrase"
  | "keyId"
  | "enrolmentToken"
  | "awsIdentity"
  | "httpUrl"
  | "agent"
>;

/**
 * The key that the options name. The last one serves again where its source fails.
 *
 * @param timeoutMs how long a login, of which getting the key is a part, may take
 * @throws ConfigurationError if there is none, or more than one
 */
export const nodeKey = (
  options: KeyOptions,
  runtime: Runtime,
  timeoutMs: number,
  warn: (message: string) => void,
): KeySource =>
  lastingKey(enrolled(options, runtime, warn) ?? keySource(options), runtime, timeoutMs, warn);

/** Where tokens are found that are not in the program. */
const TOKEN_VARIABLE = "AGENT_HEARTBEAT_ENROLMENT_TOKEN";

/**
 * The key of an agent that registers itself; undefined if it has no token.
 *
 * @throws ConfigurationError if it has a key besides, or the token or the URL is none
 */
function enrolled(
  { privateKey, enrolmentToken, privateKeyPath: path, ...options }: KeyOptions,
  { monotonic: now, now: time }: Runtime,
  warn: (message: string) => void,
): KeySource | undefined {
  if (enrolmentToken !== undefined && privateKey !== undefined) {
    throw new ConfigurationError("expected either privateKey or enrolmentToken, got both");
  }
  const given = privateKey === undefined ? process.env[TOKEN_VARIABLE]?.trim() : undefined;
  const token = enrolmentToken ?? (given || undefined);
  const { agentId, organizationId, passphrase, agent, awsIdentity } = options;
  if (token === undefined && awsIdentity !== undefined) {
    throw new ConfigurationError("option enrolmentToken: expected one for awsIdentity, got none");
  }
  if (token === undefined) return undefined;
  const httpUrl = givenHttpUrl(options.httpUrl);
  const where = { agentId, organizationId, httpUrl, path, passphrase, agent, awsIdentity };
  return enrolledKey({ ...where, token, now, time, warn });
}

/** @throws ConfigurationError if there is none, or more than one. */
function keySource({ privateKey, privateKeyPath: path, ...rest }: KeyOptions): KeySource {
  const { keyId, passphrase } = rest;
  if (privateKey !== undefined && path !== undefined) {
    throw new ConfigurationError("expected either privateKey or privateKeyPath, got both");
  }
  if (privateKey === undefined && path === undefined) {
    throw new ConfigurationError(
      "expected privateKey, privateKeyPath or enrolmentToken, got none (is the environment variable set?)",
    );
  }
  const read = async (key: unknown) => {
    const isWebKey = typeof key === "object" && key !== null && "usages" in key;
    if (isWebKey) return signingKey(key as CryptoKey, keyId);
    const pem = keyIn(key, "private", passphrase).export({ type: "pkcs8", format: "pem" });
    return signingKey(String(pem), keyId);
  };
  if (path === undefined) return keySourceOf<unknown>(privateKey, read);
  const load = async () => {
    try {
      return await read(await readFile(path));
    } catch (cause) {
      const why = cause instanceof KeyError ? "is unusable" : "could not be read";
      const { message } = cause as Error;
      throw new KeyError(`the private key at ${path} ${why}: ${message}`, { cause });
    }
  };
  return { isFunction: false, load };
}
