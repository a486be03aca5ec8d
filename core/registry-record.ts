/** The records of the AgentRegistry table: keys and conversion. */

import { isDeepStrictEqual } from "node:util";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import type { JobTerms } from "./job";
import type { Profile } from "./presence";
import type { PublicKey } from "./public-key";
import type { Role } from "./roles";

/** A public key that verifies an agent's login tokens. */
export interface RegisteredKey extends PublicKey {
  addedAt: number;
}

/** An agent's registration. */
export interface RegisteredAgent {
  organizationId: string;
  agentId: string;
  role: Role;
  /** A disabled agent can't connect. Its keys are kept. */
  enabled: boolean;
  /** Oldest first. At most two, so that a key can be rotated without downtime. */
  publicKeys: RegisteredKey[];
  /** The keys that were taken away last, at most two, so that a call that ends their connections can be repeated. */
  retiredKeys?: Pick<RegisteredKey, "keyId" | "addedAt">[];
  createdAt: number;
  updatedAt: number;
  description?: string;
  /** When it was last locked out: see `fencingTokenOf`. */
  revokedAt?: number;
  /** The end of a temporary registration, for example of a viewer that opens the dashboard. */
  expiresAt?: number;
  /** The agent's last profile. */
  profile?: Profile;
  /** Of a job: when its pings are due. */
  job?: JobTerms;
  /** By which enrolment it registered itself. */
  enrolmentId?: string;
  /** Of an ephemeral registration: it vanishes so long after the agent was last seen. See `hasVanished`. */
  ephemeralMs?: number;
  /** Of an ephemeral registration: DynamoDB may delete it from then on. Logins move it. */
  keptUntil?: number;
}

/** Prefix of the sort keys of agents. Other records of the organization have other prefixes. */
export const AGENT_RECORD_PREFIX = "agent#";

/** The sort key of an agent's record. */
export function agentRecordId(agentId: string): string {
  return `${AGENT_RECORD_PREFIX}${agentId}`;
}

/**
 * The partition of an agent's used login tokens: a separate one, so that the logins of very many agents are spread. No
 * organization's id has a `#`.
 */
export const loginsPartition = (organizationId: string, agentId: string): string =>
  `${organizationId}#logins#${agentId}`;

/** The sort key of a used login token, in the order of time. */
export const usedTokenRecordId = (usableUntilSeconds: number, tokenId = ""): string =>
  `${String(Math.ceil(usableUntilSeconds)).padStart(12, "0")}#${tokenId}`;

/** The sweep's partition. It can't be an organization's, because ids don't contain `#`. */
export const SWEEP_PARTITION = "#sweep";

/** The sort key of the state of self-preservation. */
export const MASS_EXPIRY_RECORD = "mass-expiry";

/** The sort key of the state of an organization, or of several: null. */
export const massExpiryRecord = (organizationId: string | null): string =>
  organizationId === null ? MASS_EXPIRY_RECORD : `${MASS_EXPIRY_RECORD}#${organizationId}`;

/** Whether a temporary registration has ended. DynamoDB deletes it days later. */
export function isExpired({ expiresAt }: RegisteredAgent, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/**
 * A registration's fencing token, which every lock-out and every new registration of the agent increases. A locked-out row
 * refuses logins with a smaller token, whatever the clocks say: see decision 20.
 */
export const fencingTokenOf = ({
  revokedAt,
  createdAt,
}: Pick<RegisteredAgent, "revokedAt" | "createdAt">): number =>
  Math.max(revokedAt ?? 0, createdAt ?? 0);

/** Whether the record only stores the fencing token of a removed registration. */
export const isRemoved = ({ publicKeys }: Partial<Pick<RegisteredAgent, "publicKeys">>): boolean =>
  publicKeys === undefined;

/** Whether a stored item equals the one that should be written. */
export function isSameItem(
  found: Record<string, AttributeValue> | undefined,
  written: Record<string, AttributeValue>,
): boolean {
  return found !== undefined && isDeepStrictEqual(unmarshall(found), unmarshall(written));
}

/** A record that was replaced, locked out or changed differs in one of these. */
const VERSION = ["createdAt", "revokedAt", "updatedAt"] as const;

/** The condition that an agent's record is still the one that was observed, or still absent. */
export function asObserved(observed: RegisteredAgent | undefined) {
  if (!observed) return { ConditionExpression: "attribute_not_exists(recordId)" };
  const given = VERSION.filter((name) => observed[name] !== undefined);
  const same = VERSION.map((name) =>
    given.includes(name) ? `${name} = :${name}` : `attribute_not_exists(${name})`,
  );
  return {
    ConditionExpression: same.join(" AND "),
    ExpressionAttributeValues: marshall(
      Object.fromEntries(given.map((name) => [`:${name}`, observed[name]])),
    ),
  };
}

/** The agent in a DynamoDB item of the AgentRegistry table. */
export function agentFromItem(item: Record<string, AttributeValue>): RegisteredAgent {
  const { recordId: _, ttlEpochSeconds: __, profile, ...agent } = unmarshall(item);
  return { ...agent, ...(profile && { profile: readProfile(profile) }) } as RegisteredAgent;
}

/** A profile as stored: with metadata as JSON text, because JSON allows numbers that DynamoDB does not. */
export function profileValue({ capabilities, metadata }: Profile): AttributeValue {
  return { M: marshall({ capabilities, metadata: JSON.stringify(metadata) }) };
}

function readProfile(stored: { capabilities: string[]; metadata: string }): Profile {
  return { capabilities: stored.capabilities, metadata: JSON.parse(stored.metadata) };
}

/** The DynamoDB item of an agent. */
export function itemFromAgent({
  profile,
  ...agent
}: RegisteredAgent): Record<string, AttributeValue> {
  const { agentId, expiresAt, keptUntil = expiresAt } = agent;
  const ttlEpochSeconds = keptUntil === undefined ? undefined : Math.ceil(keptUntil / 1000);
  const record = { ...agent, recordId: agentRecordId(agentId), ttlEpochSeconds };
  return {
    ...marshall(record, { removeUndefinedValues: true }),
    ...(profile && { profile: profileValue(profile) }),
  };
}
