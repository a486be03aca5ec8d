/**
 * Registers an agent that may use an enrolment: a name that the enrolment allows, once. A name in use is never given to
 * another key; the same key again is a success, because the answer to the first request may have been lost.
 */

import { isReservedAgentId } from "../../core/agent-id";
import type { StoredEnrolment } from "../../core/enrolment";
import { matchesName, patternOfSession, readEnrolmentToken } from "../../core/enrolment-token";
import { keepUntil } from "../../core/ephemeral";
import type { PublicKey } from "../../core/public-key";
import {
  fencingTokenOf,
  isExpired,
  isRemoved,
  type RegisteredAgent,
} from "../../core/registry-record";
import { type AwsProof, admit } from "./admission";
import type { EnrolmentStore } from "./store";
import type { AskSts } from "./sts";

/**
 * Why a registration was refused. Whoever may not use the enrolment gets `unauthorized`, or `unverified` if STS did not say whether
 * they may. The others are reported only to callers that may use it.
 */
export type EnrolmentRefusal =
  | "unauthorized"
  | "unverified"
  | "enrolment_revoked"
  | "enrolment_expired"
  | "enrolment_used_up"
  | "name_not_allowed"
  | "name_in_use"
  | "agent_disabled"
  | "contended";

export interface EnrolmentRequest {
  token: string;
  agentId: string;
  publicKey: PublicKey;
  awsProof?: AwsProof | undefined;
}

/** Who decides about proofs of roles on AWS. */
export interface Verifier {
  /** The deployment's own URLs, for which a proof may be made. */
  audiences: readonly string[];
  ask: AskSts;
}

/** The registration, and whether this request has made it. */
export type EnrolmentResult =
  | { agent: RegisteredAgent; created: boolean }
  | { refused: EnrolmentRefusal; enrolment?: StoredEnrolment | undefined; reason?: string };

/** Writes against others that change the same agent. */
const ATTEMPTS = 5;

/** @param now epoch milliseconds. Rejects with the client's error if DynamoDB fails */
export async function enrol(
  { token, agentId, publicKey, awsProof: proof }: EnrolmentRequest,
  now: number,
  store: EnrolmentStore,
  { audiences, ask }: Verifier,
): Promise<EnrolmentResult> {
  const claimed = readEnrolmentToken(token);
  let enrolment = claimed && (await store.find(claimed));
  if (!claimed || !enrolment) return { refused: "unauthorized" };
  const claim = { claimed, agentId, keyId: publicKey.keyId, proof };
  const admission = await admit(enrolment, claim, audiences, now, ask);
  if (!admission.admitted) {
    const { isUnavailable, reason } = admission;
    return { refused: isUnavailable ? "unverified" : "unauthorized", enrolment, reason };
  }
  // Most names are new: what stands in the way of one is found when it is written.
  let observed: RegisteredAgent | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { organizationId, enrolmentId, role, ephemeralMs } = enrolment;
    const agents = patternOfSession(enrolment.agents, admission.sessionName ?? "");
    const refuse = (refused: EnrolmentRefusal) => ({ refused, enrolment });
    const ended = endOf(enrolment, now);
    // A process that registered with the last use, and did not receive the response, asks again.
    if (ended && ended !== "enrolment_used_up") return refuse(ended);
    if (isReservedAgentId(agentId) || !matchesName(agents, agentId)) {
      return refuse("name_not_allowed");
    }
    if (ended) observed ??= await store.findAgent({ organizationId, agentId });
    const found = observed && !isRemoved(observed) && !isExpired(observed, now) && observed;
    if (found && !(await store.hasVanished(found, now))) {
      const isSame = found.publicKeys.some(({ keyId }) => keyId === publicKey.keyId);
      if (!isSame) return refuse("name_in_use");
      return found.enabled ? { agent: found, created: false } : refuse("agent_disabled");
    }
    if (ended) return refuse(ended);
    const freed = found ? await store.lockOut(found, now) : 0;
    // Seen again, or changed by others.
    if (freed === undefined) {
      observed = await store.findAgent({ organizationId, agentId });
      continue;
    }
    const createdAt = Math.max(now, freed, observed ? fencingTokenOf(observed) + 1 : 0);
    const agent: RegisteredAgent = {
      organizationId,
      agentId,
      role,
      enabled: true,
      publicKeys: [{ ...publicKey, addedAt: now }],
      createdAt,
      updatedAt: createdAt,
      enrolmentId,
      ...(ephemeralMs !== undefined && { ephemeralMs, keptUntil: keepUntil(ephemeralMs, now) }),
    };
    const result = await store.register(enrolment, agent, observed, now);
    if (result.outcome === "registered") return { agent, created: true };
    if (result.outcome === "changed") observed = result.observed;
    else if (result.outcome === "ended") enrolment = result.enrolment;
    else break;
    if (!enrolment) return { refused: "unauthorized" };
  }
  return { refused: "contended" };
}

/** Why an enrolment registers no more agents; undefined if it does. */
function endOf(
  { revokedAt, expiresAt, used, uses }: StoredEnrolment,
  now: number,
): EnrolmentRefusal | undefined {
  if (revokedAt !== undefined) return "enrolment_revoked";
  if (expiresAt <= now) return "enrolment_expired";
  return used >= uses ? "enrolment_used_up" : undefined;
}
