/** The hostile tenant's requests over HTTP. */

import { randomBytes, randomUUID } from "node:crypto";
import { newEnrolmentToken } from "../../../core/enrolment-token";
import { newPingSecret } from "../../../core/ping-secret";
import { loginClaims, signToken, type TestKey } from "../../../testing/login";
import { HOSTILE_ORGANIZATION, type HttpFlood, nameOf } from "./orders";

/** Sends one request of a kind. Rejects if there is no answer. */
export function httpRequests(
  url: string,
  key: TestKey,
): Record<HttpFlood, () => Promise<Response>> {
  const instanceId = randomUUID();
  const post = (path: string, token: string, body?: object) =>
    fetch(`${url}${path}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}` },
      ...(body && { body: JSON.stringify(body) }),
    });
  const heartbeat = async () => {
    const now = Date.now();
    const claims = loginClaims(url, now, {
      iss: nameOf.http,
      sub: nameOf.http,
      org: HOSTILE_ORGANIZATION,
      // Each is later than the one before, so that the flood's own tokens are in order.
      iat: now / 1000,
      jti: randomUUID(),
      instance_id: instanceId,
    });
    return post("/heartbeat", await signToken(key, claims));
  };
  return {
    heartbeat,
    forgedHeartbeat: () => post("/heartbeat", `a.${randomUUID()}.c`),
    ping: () => fetch(`${url}/ping/${newPingSecret(HOSTILE_ORGANIZATION, nameOf.http)}`),
    enrolment: () =>
      post("/enrol", newEnrolmentToken(HOSTILE_ORGANIZATION).token, {
        agentId: `enrolled-${randomBytes(4).toString("hex")}`,
        publicKey: key.jwk,
      }),
  };
}
