/** Enrolments, by which agents register themselves: their records in the AgentRegistry table. */

import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import type { Role } from "./roles";

/** A caller with an enrolment's token, or one of its roles, may register agents with certain names, each with its own key. */
export interface Enrolment {
  organizationId: string;
  enrolmentId: string;
  /** Which names: an agent id in which each `*` stands for any characters, and `{session}` for the name of a role's session. */
  agents: string;
  /** If given, who may use it: processes on AWS that have one of these IAM roles, and prove it. There is no secret then. */
  roleArns?: string[];
  /** The role of the agents. */
  role: Role;
  /** How many agents may be registered. */
  uses: number;
  /** How many were. */
  used: number;
  createdAt: number;
  /** When it ends. Agents that it registered stay. */
  expiresAt: number;
  /** If given, an agent's registration vanishes so long after it was last seen. */
  ephemeralMs?: number;
  description?: string;
  /** When it was revoked. */
  revokedAt?: number;
}

/** An enrolment as stored, with what verifies its token. */
export interface StoredEnrolment extends Enrolment {
  secretHash?: string;
}

/** Prefix of the sort keys of enrolments. */
export const ENROLMENT_RECORD_PREFIX = "enrolment#";

/** The key of an enrolment's record. */
export const enrolmentKey = ({
  organizationId,
  enrolmentId,
}: Pick<Enrolment, "organizationId" | "enrolmentId">): Record<string, AttributeValue> =>
  marshall({ organizationId, recordId: `${ENROLMENT_RECORD_PREFIX}${enrolmentId}` });

/** How long an enrolment is listed after its end. */
const LISTED_MS = 90 * 24 * 60 * 60_000;

/** The DynamoDB item of an enrolment. */
export function itemFromEnrolment(enrolment: StoredEnrolment): Record<string, AttributeValue> {
  const ttlEpochSeconds = Math.ceil((enrolment.expiresAt + LISTED_MS) / 1000);
  return {
    ...marshall({ ...enrolment, ttlEpochSeconds }, { removeUndefinedValues: true }),
    ...enrolmentKey(enrolment),
  };
}

/** The enrolment in a DynamoDB item of the AgentRegistry table. */
export function enrolmentFromItem(item: Record<string, AttributeValue>): StoredEnrolment {
  const { recordId: _, ttlEpochSeconds: __, ...enrolment } = unmarshall(item);
  return enrolment as StoredEnrolment;
}

/** The same without what verifies its token. */
export function publicEnrolment({ secretHash: _, ...enrolment }: StoredEnrolment): Enrolment {
  return enrolment;
}
