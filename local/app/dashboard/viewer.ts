/** Signs whoever runs the runtime in to the dashboard, by a link that works from one start to the next. */

import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { AgentRegistry } from "@agent-heartbeat/sdk/registry";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { LocalOutputs } from "../../aws/runtime";

/** As long as a working day, as `agent-heartbeat dashboard` has it. */
const VALID_MS = 12 * 3_600_000;
const AGENT_ID = "viewer-local";

export interface ViewerOptions {
  outputs: LocalOutputs;
  /** Where the page is served. */
  pageUrl: string;
  organizationId: string;
  /** Where the viewer's private key is kept: a page that is open outlives the runtime. */
  keyFile: string;
  now: () => number;
}

/**
 * Registers a viewer of the organization, in place of the one before.
 *
 * @returns the page's address with the sign-in, which no server gets to see, in its fragment
 */
export async function signInLink(options: ViewerOptions): Promise<string> {
  const { outputs, pageUrl, organizationId, keyFile, now } = options;
  const client = new DynamoDBClient({
    endpoint: outputs.dynamoDbEndpoint,
    region: outputs.region,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  try {
    const registry = new AgentRegistry({ client, ...outputs });
    const name = { organizationId, agentId: AGENT_ID };
    const key = keyIn(keyFile) ?? newKeyIn(keyFile);
    const expiresAt = now() + VALID_MS;
    if (await registry.get(name)) await registry.remove(name);
    await registry.register({
      ...name,
      publicKey: key.export({ type: "pkcs8", format: "pem" }).toString(),
      role: "viewer",
      description: "The local dashboard",
    });
    const fragment = new URLSearchParams({
      url: outputs.webSocketUrl,
      organization: organizationId,
      agent: AGENT_ID,
      key: key.export({ type: "pkcs8", format: "der" }).toString("base64url"),
      expires: String(expiresAt),
    });
    return `${pageUrl}#${fragment}`;
  } finally {
    client.destroy();
  }
}

function keyIn(file: string): KeyObject | undefined {
  try {
    return createPrivateKey(readFileSync(file));
  } catch {
    return undefined;
  }
}

/** A P-256 key: not every browser that is in use signs with Ed25519. */
function newKeyIn(file: string): KeyObject {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  return privateKey;
}
