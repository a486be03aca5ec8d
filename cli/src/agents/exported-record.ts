/** Reads an agent as `agents list --json` prints it, so that a registry can be exported and restored. */

import type { JobTerms, PublicJwk, RegisteredAgent } from "@agent-heartbeat/sdk/registry";
import { shown } from "../terminal/printable";

/** What an exported record has beside what any entry of an import may have. */
export interface ExportedRecord {
  enabled: boolean;
  expiresAt?: number;
  /** As it stands in the file: see `jobFault`. */
  job?: JobTerms;
  publicKeys: PublicJwk[];
}

const FIELDS: readonly (keyof RegisteredAgent)[] = [
  "organizationId",
  "agentId",
  "role",
  "enabled",
  "publicKeys",
  "retiredKeys",
  "createdAt",
  "updatedAt",
  "description",
  "revokedAt",
  "expiresAt",
  "profile",
  "job",
  "enrolmentId",
  "ephemeralMs",
  "keptUntil",
];

/** Whether an entry of a file is such a record. */
export function isExported(values: Record<string, unknown>): boolean {
  return "publicKeys" in values;
}

/**
 * What can be restored of it: its times are those of the new registration, and its profile comes with the agent's
 * next connection.
 *
 * @throws TypeError naming the field, what was expected and what came
 */
export function readExported(
  values: Record<string, unknown>,
  organizationId: string,
): ExportedRecord {
  const unknown = Object.keys(values).find((name) => !FIELDS.some((field) => field === name));
  if (unknown !== undefined) {
    throw new TypeError(`expected ${FIELDS.join(", ")}, got ${shown(unknown)}`);
  }
  const { organizationId: owner = organizationId, enabled = true, expiresAt } = values;
  const { job, publicKeys } = values;
  if (owner !== organizationId) {
    throw new TypeError(`organizationId: expected ${organizationId}, got ${shown(owner)}`);
  }
  if (typeof enabled !== "boolean") {
    throw new TypeError(`enabled: expected true or false, got ${shown(enabled)}`);
  }
  if (expiresAt !== undefined && !Number.isSafeInteger(expiresAt)) {
    throw new TypeError(`expiresAt: expected epoch milliseconds, got ${shown(expiresAt)}`);
  }
  if (!Array.isArray(publicKeys) || publicKeys.length < 1 || publicKeys.length > 2) {
    throw new TypeError(`publicKeys: expected one or two keys, got ${shown(publicKeys)}`);
  }
  return {
    enabled,
    ...(expiresAt !== undefined && { expiresAt: expiresAt as number }),
    ...(job !== undefined && { job: job as JobTerms }),
    publicKeys: publicKeys.map((key: { jwk?: unknown } | null) => {
      const jwk = key?.jwk;
      if (typeof jwk === "object" && jwk !== null) return jwk as PublicJwk;
      throw new TypeError(`publicKeys: expected a jwk in each, got ${shown(key)}`);
    }),
  };
}
