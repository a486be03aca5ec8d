/** A viewer or an agent for a time: a key of its own and a registration that ends by itself. */

import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { Deployment } from "./deployment";

/** Kinds of keys that browsers sign with. */
export const VIEWER_KEY_KINDS = ["ed25519", "p256"] as const;
export type ViewerKeyKind = (typeof VIEWER_KEY_KINDS)[number];

export interface TemporaryAgent {
  agentId: string;
  /** PKCS #8 in DER. */
  privateKey: Buffer;
  /** Epoch milliseconds by the server's clock. */
  expiresAt: number;
}

/** Registers a viewer or an agent of the organization that may connect for `lifetimeMs`. */
export async function registerTemporarily(
  { registry, serverNow, organizationId }: Deployment,
  options: {
    role: "viewer" | "agent";
    kind?: ViewerKeyKind;
    lifetimeMs: number;
    description: string;
  },
): Promise<TemporaryAgent> {
  const { publicKey, privateKey } =
    options.kind === "p256"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync("ed25519");
  const { role } = options;
  const agentId = `${role === "viewer" ? role : "cli"}-${randomBytes(8).toString("hex")}`;
  const expiresAt = (await serverNow()) + options.lifetimeMs;
  await registry.register({
    organizationId,
    agentId,
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
    role,
    description: options.description,
    expiresAt,
  });
  return { agentId, privateKey: privateKey.export({ type: "pkcs8", format: "der" }), expiresAt };
}

/** A private key as clients take it. */
export const pemOf = (der: Buffer) =>
  `-----BEGIN PRIVATE KEY-----\n${der.toString("base64")}\n-----END PRIVATE KEY-----\n`;
