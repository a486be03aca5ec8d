/** The agents of the load: one registration each, all with one key. */

import { exportJWK, importJWK, type JWK } from "jose";
import type { TestKey } from "../../test/support/login";

export const agentIdOf = (index: number) => `production-agent-${String(index).padStart(5, "0")}`;

/** A key as it goes from one process to another. */
export interface SentKey extends Omit<TestKey, "privateKey"> {
  privateJwk: JWK;
}

export async function privateJwk({ privateKey, ...key }: TestKey): Promise<SentKey> {
  return { ...key, privateJwk: await exportJWK(privateKey) };
}

export async function received({ privateJwk: jwk, ...key }: SentKey): Promise<TestKey> {
  return { ...key, privateKey: (await importJWK(jwk, key.algorithm)) as TestKey["privateKey"] };
}
