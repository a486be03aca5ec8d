/** `POST /enrol`: an agent that may use an enrolment registers its public key. */

import { MessageError } from "../../core/client-messages";
import { parseEnrol } from "../../core/enrol-message";
import { type EnrolmentRefusal, enrol } from "../enrol/enrol";
import { readPublicKey } from "../enrol/public-key";
import type { EnrolmentStore } from "../enrol/store";
import type { AskSts } from "../enrol/sts";
import type { Log } from "../shared/log";
import type { MetricsSink } from "../shared/metrics";
import { audiencesOf, bearerToken, bodyOf, HttpError, respond } from "./request";
import type { HttpRoutes } from "./router";

export interface EnrolDependencies {
  enrolments: EnrolmentStore;
  ask: AskSts;
  /** The URL of the custom domain, if there is one. */
  customUrl?: string | undefined;
  log: Log;
  metrics: MetricsSink;
}

/** The response to an agent that was not registered. It contains the reason only for the owner of a valid token. */
const REFUSALS: Readonly<Record<EnrolmentRefusal, [status: number, message: string]>> = {
  unauthorized: [401, "The token is not accepted"],
  unverified: [503, "AWS STS does not say whose request it is: send another one"],
  enrolment_revoked: [403, "The enrolment is revoked"],
  enrolment_expired: [403, "The enrolment has expired"],
  enrolment_used_up: [403, "The enrolment is used up"],
  name_not_allowed: [403, "The enrolment does not allow this agentId"],
  agent_disabled: [403, "The agent is disabled"],
  name_in_use: [409, "The agentId is registered with another key"],
  contended: [503, "Too many agents enrol at the same moment: send the request again"],
};

/** Seconds over which refused clients spread their retries. */
const RETRY_AFTER = { least: 1, most: 5 };

/** @param random at least 0, below 1 */
export function enrolRoutes(
  { enrolments, ask, customUrl, log, metrics }: EnrolDependencies,
  random = Math.random,
): HttpRoutes {
  return {
    "/enrol": {
      POST: async (event) => {
        const token = bearerToken(event);
        const { agentId, publicKey: source, awsProof } = parseEnrol(bodyOf(event));
        const publicKey = await publicKeyIn(source);
        const { timeEpoch: now } = event.requestContext;
        const request = { token, agentId, publicKey, awsProof };
        const audiences = audiencesOf(event, customUrl);
        const result = await enrol(request, now, enrolments, { audiences, ask });
        if ("agent" in result) {
          const { organizationId, role, enrolmentId, ephemeralMs } = result.agent;
          const { keyId } = publicKey;
          return respond(result.created ? 201 : 200, {
            organizationId,
            agentId,
            role,
            keyId,
            enrolmentId,
            ephemeralMs,
          });
        }
        const { refused, enrolment, reason } = result;
        const { organizationId, enrolmentId } = enrolment ?? {};
        log.warn({
          event: "enrolment_refused",
          reason: refused,
          ...(reason !== undefined && { detail: reason }),
          organizationId,
          enrolmentId,
          agentId,
        });
        if (refused === "unauthorized") {
          metrics.addMetric("LoginsRefused", "Count", 1);
          metrics.publishStoredMetrics();
        }
        throw refusal(refused, random);
      },
    },
  };
}

function refusal(refused: EnrolmentRefusal, random: () => number): HttpError {
  const [status, message] = REFUSALS[refused];
  const { least, most } = RETRY_AFTER;
  const seconds = least + Math.floor(random() * (most - least + 1));
  return new HttpError(status, message, {
    ...(status === 401 ? { headers: { "WWW-Authenticate": "Bearer" } } : { type: refused }),
    ...(status === 503 && { headers: { "Retry-After": String(seconds) } }),
  });
}

async function publicKeyIn(source: unknown) {
  try {
    return await readPublicKey(source);
  } catch (error) {
    throw new MessageError("invalid_message", (error as Error).message);
  }
}
