/** Keys and login tokens for tests, valid and invalid. */

import type { KeyAlgorithm } from "@agent-heartbeat/sdk/registry";
import { type DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  type JWK,
  SignJWT,
} from "jose";
import { agentRecordId } from "../core/registry-record";
import type { HeartbeatTerms } from "../lambda/authorize/login";

/** The default terms of a deployment. */
export const DEFAULT_TERMS: HeartbeatTerms = {
  defaultIntervalMs: 30_000,
  defaultTimeoutMultiplier: 3,
  minIntervalMs: 5000,
  maxIntervalMs: 540_000,
};

export interface TestKey {
  keyId: string;
  algorithm: KeyAlgorithm;
  jwk: JWK;
  privateKey: CryptoKey;
}

export async function testKey(algorithm: KeyAlgorithm = "EdDSA"): Promise<TestKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return { keyId: await calculateJwkThumbprint(jwk), algorithm, jwk, privateKey };
}

/** Signs claims unchanged, even if they are invalid. */
export function signToken(key: TestKey, claims: object, header: object = {}): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: key.algorithm, kid: key.keyId, typ: "JWT", ...header })
    .sign(key.privateKey);
}

let serial = 0;

/** The claims of a valid token. @param now epoch milliseconds */
export function loginClaims(aud: string, now: number, overrides: object = {}) {
  const iat = Math.floor(now / 1000);
  serial += 1;
  return {
    iss: "a1",
    sub: "a1",
    org: "acme",
    aud,
    iat,
    exp: iat + 60,
    jti: `token-${serial}`,
    heartbeat_interval: 30,
    heartbeat_timeout: 90,
    instance_id: "process-a",
    ...overrides,
  };
}

/** Writes an agent into the registry table. */
export async function putAgent(
  client: DynamoDBClient,
  TableName: string,
  keys: TestKey[],
  overrides: object = {},
): Promise<void> {
  const agent = {
    organizationId: "acme",
    agentId: "a1",
    role: "agent",
    enabled: true,
    createdAt: 0,
    updatedAt: 0,
    version: 1,
    publicKeys: keys.map(({ keyId, algorithm, jwk }) => ({ keyId, algorithm, jwk, addedAt: 0 })),
    ...overrides,
  };
  const Item = marshall({ ...agent, recordId: agentRecordId(agent.agentId) });
  await client.send(new PutItemCommand({ TableName, Item }));
}
