/** Reads the body of an enrolment. Apart from clients' other messages, because only one function reads it. */

import * as v from "valibot";
import { MOST_PROOF_CHARACTERS } from "./aws-proof";
import { agentId, parse } from "./client-messages";

const enrol = v.object({
  agentId,
  publicKey: v.union([v.string(), v.looseObject({})]),
  awsProof: v.optional(
    v.object({
      audience: v.string(),
      url: v.pipe(v.string(), v.maxLength(MOST_PROOF_CHARACTERS)),
    }),
  ),
});

/** @throws MessageError if the body is not that of an enrolment. The key is read by `readPublicKey`. */
export const parseEnrol = (body: string) => parse(enrol, body);
