/** The authorizer of `$connect`: accepts clients whose login token proves which agent they are. */

import { audienceOf, SUBPROTOCOL } from "../../core/login-claims";
import { type AuthorizerContext, toContext } from "../shared/identity";
import type { Log } from "../shared/log";
import type { MetricsSink } from "../shared/metrics";
import { type LoginOptions, LoginRefused, login } from "./login";
import type { ReconnectAdvice } from "./reconnect-advice";

/** The event of a WebSocket API's REQUEST authorizer, as far as it is used. */
export interface AuthorizerEvent {
  methodArn: string;
  headers?: Record<string, string | undefined>;
  requestContext: { domainName: string; stage: string; requestTimeEpoch: number };
}

export interface AuthorizerResult {
  principalId: string;
  policyDocument: {
    Version: "2012-10-17";
    Statement: [{ Action: "execute-api:Invoke"; Effect: "Allow" | "Deny"; Resource: string }];
  };
  context?: AuthorizerContext;
}

export interface AuthorizeDependencies extends LoginOptions {
  advice: Pick<ReconnectAdvice, "windowMs">;
  /** The URL of the custom domain, if there is one. It contains no stage. */
  customDomainUrl?: string | undefined;
  log: Log;
  metrics: MetricsSink;
}

/**
 * Refuses a login with a policy, for which the gateway responds 403. Only the log has the reason. Errors of the service are
 * thrown; for those the gateway responds 500.
 */
export function authorizeHandler(dependencies: AuthorizeDependencies) {
  const { advice, log, metrics, customDomainUrl, ...options } = dependencies;
  const ownDomain = customDomainUrl === undefined ? [] : [audienceOf(customDomainUrl)];
  return async (event: AuthorizerEvent): Promise<AuthorizerResult> => {
    const { domainName, stage, requestTimeEpoch } = event.requestContext;
    try {
      const token = loginToken(event.headers ?? {});
      const audience = [audienceOf(`wss://${domainName}/${stage}`), ...ownDomain];
      const [known, reconnectWindowMs] = await Promise.all([
        login(token, audience, requestTimeEpoch, options),
        advice.windowMs(requestTimeEpoch),
      ]);
      const identity = { ...known, reconnectWindowMs };
      const principalId = `${identity.organizationId}/${identity.agentId}`;
      return { ...policy(principalId, "Allow", event.methodArn), context: toContext(identity) };
    } catch (error) {
      if (!(error instanceof LoginRefused)) throw error;
      log.warn({ event: "login_refused", reason: error.reason, claimed: error.claimed });
      metrics.addMetric("LoginsRefused", "Count", 1);
      metrics.publishStoredMetrics();
      return policy("refused", "Deny", event.methodArn);
    }
  };
}

/** The token in `Sec-WebSocket-Protocol: agent-heartbeat.v1, <token>`. */
function loginToken(headers: Record<string, string | undefined>): string {
  const name = Object.keys(headers).find((key) => key.toLowerCase() === "sec-websocket-protocol");
  const offered = (name && headers[name] ? headers[name] : "")
    .split(",")
    .map((part) => part.trim());
  const [protocol, token] = offered;
  if (protocol !== SUBPROTOCOL || !token || offered.length !== 2) {
    throw new LoginRefused(`the subprotocols offered are not ${SUBPROTOCOL} and a token`);
  }
  return token;
}

// The exact method: a wildcard such as .../*/* does not match $connect
// (https://github.com/aws-powertools/powertools-lambda-python/issues/5800).
function policy(principalId: string, Effect: "Allow" | "Deny", Resource: string): AuthorizerResult {
  return {
    principalId,
    policyDocument: {
      Version: "2012-10-17",
      Statement: [{ Action: "execute-api:Invoke", Effect, Resource }],
    },
  };
}
