/** `POST /heartbeat` and `DELETE /heartbeat`: renew and release the lease of the process that a login token names. */

import { parseHttpHeartbeat } from "../../core/client-messages";
import type { Claims } from "../../core/login-token";
import { httpConnectionId } from "../../core/row-connections";
import {
  type KnownIdentity,
  type LoginOptions,
  LoginRefused,
  verifyToken,
} from "../authorize/login";
import { heartbeatAck } from "../lease/ack";
import type { HttpHolder, HttpOutcome, HttpRefusal } from "../lease/holder";
import type { LeaseStore } from "../lease/store";
import type { Log } from "../shared/log";
import type { MetricsSink } from "../shared/metrics";
import { heartbeatLimit, RETRY_AFTER, tokenUse } from "./lease";
import { audiencesOf, bearerToken, bodyOf, HttpError, type HttpEvent, respond } from "./request";
import type { HttpRoutes } from "./router";

export interface HttpHeartbeatDependencies {
  registry: Pick<LoginOptions["registry"], "find" | "lasts">;
  terms: LoginOptions["terms"];
  leases: Pick<LeaseStore, "renewOverHttp" | "leaveOverHttp">;
  /** The URL of the custom domain, if there is one. */
  customUrl?: string | undefined;
  log: Log;
  metrics: MetricsSink;
}

/** What a process is answered whose lease is not renewed. What is contended may be tried again. */
const REFUSALS: Readonly<Record<HttpRefusal, [status: number, message: string]>> = {
  superseded: [409, "A newer process of the agent holds the lease"],
  duplicate: [409, "Another process of the agent holds the lease"],
  connected: [409, "A WebSocket of the process is open: close it to leave"],
  revoked: [403, "The token is not accepted"],
  used: [403, "The token is not accepted"],
  ended: [503, "Others have changed the agent's status: send a new token"],
  contended: [503, "Others have changed the agent's status: send a new token"],
};

export function heartbeatRoutes(dependencies: HttpHeartbeatDependencies): HttpRoutes {
  const { leases } = dependencies;
  const limit = heartbeatLimit();

  const answer = async (
    event: HttpEvent,
    act: (holder: HttpHolder, identity: KnownIdentity) => Promise<HttpOutcome>,
  ): Promise<[HttpOutcome, KnownIdentity]> => {
    for (const fresh of [false, true]) {
      const known = await identify(event, dependencies, fresh);
      if (!known) continue;
      const { claims, identity } = known;
      if (!fresh) limit(identity, event);
      const outcome = await act(holderOf(event, claims, identity), identity);
      // The registration may have changed within the last second.
      if (outcome.outcome !== "revoked" || fresh) return [outcome, identity];
    }
    throw new Error("a token was neither accepted nor refused");
  };

  return {
    "/heartbeat": {
      POST: async (event) => {
        bearerToken(event);
        const { timeEpoch: now } = event.requestContext;
        const { activity } = parseHttpHeartbeat(bodyOf(event));
        const [result, identity] = await answer(event, (holder, { onDuplicate }) =>
          leases.renewOverHttp(holder, now, activity, onDuplicate === "reject"),
        );
        if (result.outcome !== "renewed") return refuse(result.outcome);
        return respond(200, heartbeatAck(now, result, identity));
      },
      DELETE: async (event) => {
        const { timeEpoch: now } = event.requestContext;
        const reason = reasonIn(event);
        const [result] = await answer(event, (holder) => leases.leaveOverHttp(holder, now, reason));
        return result.outcome === "left" ? respond(204) : refuse(result.outcome);
      },
    },
  };
}

/**
 * Who has sent a request.
 *
 * @param fresh whether a registration counts that was changed within the last second
 * @returns undefined if only a fresh registration can decide
 * @throws HttpError
 */
async function identify(
  event: HttpEvent,
  { log, metrics, customUrl, ...options }: HttpHeartbeatDependencies,
  fresh: boolean,
) {
  const { timeEpoch } = event.requestContext;
  const token = bearerToken(event);
  const audience = audiencesOf(event, customUrl);
  try {
    const known = await verifyToken(token, audience, timeEpoch, options, fresh);
    if (known.identity.role === "agent") return known;
    throw new LoginRefused(`a ${known.identity.role} has no presence`);
  } catch (error) {
    if (!(error instanceof LoginRefused)) throw error;
    if (!fresh) return undefined;
    log.warn({ event: "login_refused", reason: error.reason, claimed: error.claimed });
    metrics.addMetric("LoginsRefused", "Count", 1);
    metrics.publishStoredMetrics();
    throw new HttpError(403, "The token is not accepted", { cause: error });
  }
}

function holderOf(event: HttpEvent, claims: Claims, identity: KnownIdentity): HttpHolder {
  const { requestId, timeEpoch } = event.requestContext;
  const token = tokenUse(claims.iat * 1000, claims.iat * 1e6, requestId);
  return { ...identity, token, connectionId: httpConnectionId(requestId), connectedAt: timeEpoch };
}

/** Why a process leaves: `?reason=drained`, or a stop. */
const reasonIn = ({ rawQueryString = "" }: HttpEvent) =>
  new URLSearchParams(rawQueryString).get("reason") === "drained" ? "drained" : "client_closed";

/** @throws HttpError */
function refuse(outcome: HttpOutcome["outcome"]): never {
  if (outcome === "renewed" || outcome === "left") throw new Error(`${outcome} is no refusal`);
  const [status, message] = REFUSALS[outcome];
  throw new HttpError(status, message, {
    ...(status === 409 && { type: outcome }),
    ...(status === 503 && { headers: { "Retry-After": RETRY_AFTER } }),
  });
}
