/** A temporary viewer or agent: a new key, and a registration that expires by itself. */

import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { Io } from "../io";
import { printable } from "../terminal/printable";
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

export interface TemporaryOptions {
  role: "viewer" | "agent";
  /** @default "ed25519" */
  kind?: ViewerKeyKind;
  lifetimeMs: number;
  /** For people. */
  description: string;
}

/** Registers a viewer or an agent of the organization that may connect for `lifetimeMs`. */
export async function registerTemporarily(
  { registry, serverNow, organizationId }: Deployment,
  options: TemporaryOptions,
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

/**
 * Registers a viewer or an agent with which the command itself connects.
 *
 * @returns the options of its client, and what ends the registration
 */
export async function temporaryClient(
  deployment: Deployment,
  options: TemporaryOptions,
  io: Pick<Io, "stderr">,
) {
  const { organizationId, target, registry } = deployment;
  const { agentId, privateKey } = await registerTemporarily(deployment, options);
  const log = (text: string) => io.stderr.write(`agent-heartbeat: ${printable(text)}\n`);
  return {
    options: {
      agentId,
      organizationId,
      url: target.webSocketUrl,
      privateKey: pemOf(privateKey),
      logger: { warn: log, error: log },
    },
    remove: () => registry.remove({ organizationId, agentId }),
  };
}

const pemOf = (der: Buffer) =>
  `-----BEGIN PRIVATE KEY-----\n${der.toString("base64")}\n-----END PRIVATE KEY-----\n`;
