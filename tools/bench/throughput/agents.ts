/** The agents of the load: each is registered, and all share one key. */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { exportJWK, importJWK, type JWK } from "jose";
import pLimit from "p-limit";
import { putAgent, type TestKey, testKey } from "../../../testing/login";

export const agentIdOf = (index: number) => `production-agent-${String(index).padStart(5, "0")}`;

/** A key in a form that can be sent between processes. */
export interface SentKey extends Omit<TestKey, "privateKey"> {
  privateJwk: JWK;
}

/** Registers the given number of agents. Returns their key. */
export async function registered(
  client: DynamoDBClient,
  registryTableName: string,
  agents: number,
): Promise<SentKey> {
  const key = await testKey("ES256");
  const numbers = Array.from({ length: agents }, (_, index) => index);
  await pLimit(50).map(numbers, (index) =>
    putAgent(client, registryTableName, [key], { agentId: agentIdOf(index) }),
  );
  const { privateKey, ...rest } = key;
  return { ...rest, privateJwk: await exportJWK(privateKey) };
}

export async function received({ privateJwk: jwk, ...key }: SentKey): Promise<TestKey> {
  return { ...key, privateKey: (await importJWK(jwk, key.algorithm)) as TestKey["privateKey"] };
}
