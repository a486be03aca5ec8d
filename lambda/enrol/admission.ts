/** Who may use an enrolment: a process with its token, or with a proof of one of its IAM roles. */

import { BINDING_HEADER, bindingValue, type ProofBinding } from "../../core/aws-proof";
import { hasAssumed, readRoleArn } from "../../core/aws-role";
import type { StoredEnrolment } from "../../core/enrolment";
import type { readEnrolmentToken } from "../../core/enrolment-token";
import { readPresignedRequest } from "./presigned-request";
import type { AskSts } from "./sts";

/** A presigned request, and the deployment that it was made for. */
export interface AwsProof {
  audience: string;
  url: string;
}

/** What was admitted, with the session's name if it is a role; or why not, for the log alone. */
export type Admission =
  | { admitted: true; sessionName?: string }
  | { admitted: false; isUnavailable?: true; reason: string };

type Claimed = NonNullable<ReturnType<typeof readEnrolmentToken>>;

export interface Claim {
  claimed: Claimed;
  agentId: string;
  keyId: string;
  proof: AwsProof | undefined;
}

/**
 * A proof is bound to the key of one agent, so that a stolen proof can register nothing else.
 *
 * @param audiences the deployment's own URLs
 * @param now epoch milliseconds
 */
export async function admit(
  enrolment: StoredEnrolment,
  { claimed, agentId, keyId, proof }: Claim,
  audiences: readonly string[],
  now: number,
  ask: AskSts,
): Promise<Admission> {
  const { roleArns } = enrolment;
  if (!roleArns) {
    return claimed.isOf(enrolment) ? { admitted: true } : refused("another token");
  }
  if (!proof) return refused("no proof of a role");
  const { audience, url } = proof;
  if (!audiences.includes(audience)) return refused("a proof for another deployment");
  const request = readPresignedRequest(url, now);
  if (typeof request === "string") return refused(request);
  const { partition } = request;
  // A partition's STS knows nothing of another partition's accounts.
  if (!roleArns.some((arn) => readRoleArn(arn)?.partition === partition)) {
    return refused(`a proof of the partition ${partition}`);
  }
  const { organizationId, enrolmentId } = claimed;
  const binding: ProofBinding = { audience, organizationId, enrolmentId, agentId, keyId };
  const answer = await ask(request.url, { [BINDING_HEADER]: bindingValue(binding) });
  if (answer.outcome !== "identified") {
    const reason = `STS: ${answer.reason}`;
    return answer.outcome === "refused" ? refused(reason) : { ...refused(reason), isUnavailable };
  }
  const { identity } = answer;
  const { accountId, name, sessionName } = identity;
  const isAllowed =
    identity.partition === partition && roleArns.some((arn) => hasAssumed(identity, arn));
  return isAllowed
    ? { admitted: true, sessionName }
    : refused(`the role ${name} of the account ${accountId} (${identity.partition})`);
}

const isUnavailable = true as const;

const refused = (reason: string) => ({ admitted: false as const, reason });
