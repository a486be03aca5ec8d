/** The records of the AgentRegistry table: how they are named, and how they are read and written. */

import { isDeepStrictEqual } from "node:util";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import type { Profile, Role } from "./protocol";
import type { PublicKey } from "./public-key";

/** A public key that an agent may sign its login tokens with. */
export interface RegisteredKey extends PublicKey {
  addedAt: number;
}

/** An agent as the AgentRegistry table knows it. */
export interface RegisteredAgent {
  organizationId: string;
  agentId: string;
  role: Role;
  /** A disabled agent can't connect; its keys are kept. */
  enabled: boolean;
  /** Oldest first. At most two, so that a key can be rotated without downtime. */
  publicKeys: RegisteredKey[];
  createdAt: number;
  updatedAt: number;
  description?: string;
  /** When it was disabled last: see `fencingTokenOf`. */
  revokedAt?: number;
  /** The end of a registration that is for a time only, as a viewer's is that opens the dashboard. */
  expiresAt?: number;
  /** What the agent said of itself when it last connected. */
  profile?: Profile;
}

/** Prefix of the sort keys of agents: an organization's nonces lie beside them. */
export const AGENT_RECORD_PREFIX = "agent#";

/** The sort key of an agent's record. */
export function agentRecordId(agentId: string): string {
  return `${AGENT_RECORD_PREFIX}${agentId}`;
}

/** The sort key under which a login token's `jti` is remembered while it could be used again. */
export function nonceRecordId(agentId: string, tokenId: string): string {
  return `nonce#${agentId}#${tokenId}`;
}

/** The partition that is the sweep's, and nobody's organization: `#` is not allowed in an id. */
export const SWEEP_PARTITION = "#sweep";

/** The sort key under which the sweep keeps that it suspects a mass expiry. */
export const MASS_EXPIRY_RECORD = "mass-expiry";

/** Whether a registration that is for a time only has ended: DynamoDB deletes it within days. */
export function isExpired({ expiresAt }: RegisteredAgent, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/**
 * What a login has seen of its registration's lock-outs: each, and each registration of the same name, has a greater
 * one than any before, so that a row that was locked out refuses whoever logged in before, by whatever clock.
 */
export const fencingTokenOf = ({
  revokedAt,
  createdAt,
}: Pick<RegisteredAgent, "revokedAt" | "createdAt">): number =>
  Math.max(revokedAt ?? 0, createdAt ?? 0);

/** Whether all that is left of a record is the fencing token of a registration that was removed. */
export const isRemoved = ({ publicKeys }: Partial<Pick<RegisteredAgent, "publicKeys">>): boolean =>
  publicKeys === undefined;

/** Whether an item is, to the letter, the one that was to be written. */
export function isSameItem(
  found: Record<string, AttributeValue> | undefined,
  written: Record<string, AttributeValue>,
): boolean {
  return found !== undefined && isDeepStrictEqual(unmarshall(found), unmarshall(written));
}

/** The agent in a DynamoDB item of the AgentRegistry table. */
export function agentFromItem(item: Record<string, AttributeValue>): RegisteredAgent {
  const { recordId: _, ttlEpochSeconds: __, profile, ...agent } = unmarshall(item);
  return { ...agent, ...(profile && { profile: readProfile(profile) }) } as RegisteredAgent;
}

/** A profile as a record keeps it: metadata as text, for JSON has numbers that DynamoDB has not. */
export function profileValue({ capabilities, metadata }: Profile): AttributeValue {
  return { M: marshall({ capabilities, metadata: JSON.stringify(metadata) }) };
}

function readProfile(stored: { capabilities: string[]; metadata: string }): Profile {
  return { capabilities: stored.capabilities, metadata: JSON.parse(stored.metadata) };
}

/** The DynamoDB item that keeps an agent. */
export function itemFromAgent({
  profile,
  ...agent
}: RegisteredAgent): Record<string, AttributeValue> {
  const { agentId, expiresAt } = agent;
  const ttlEpochSeconds = expiresAt === undefined ? undefined : Math.ceil(expiresAt / 1000);
  const record = { ...agent, recordId: agentRecordId(agentId), ttlEpochSeconds };
  return {
    ...marshall(record, { removeUndefinedValues: true }),
    ...(profile && { profile: profileValue(profile) }),
  };
}
