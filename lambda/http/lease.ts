/** What all requests have in common that renew a lease. */

import { RATES } from "../../core/limits";
import { httpConnectionId } from "../../core/row-connections";
import type { TokenUse } from "../lease/holder";
import { RateLimiter } from "../shared/rate-limiter";
import { HttpError, type HttpEvent } from "./request";

/** Seconds after which it is worth while to try again: the skew of hosts' clocks is over then. */
export const RETRY_AFTER = "2";

/** @returns a check that throws HttpError (429) beyond the rate of heartbeats */
export function heartbeatLimit() {
  const limiter = new RateLimiter(RATES.heartbeat);
  return (
    { organizationId, agentId }: { organizationId: string; agentId: string },
    { requestContext: { timeEpoch } }: HttpEvent,
  ): void => {
    if (limiter.check(`${organizationId}/${agentId}`, timeEpoch) === "admitted") return;
    const { perSecond, burst } = RATES.heartbeat;
    const message = `Expected at most ${perSecond} a second, and ${burst} at once, got more`;
    throw new HttpError(429, message, { headers: { "Retry-After": "1" } });
  };
}

/**
 * @param issuedAt epoch milliseconds
 * @param order by which it is newer than others: microseconds, of at most 16 digits, because they are about now
 */
export function tokenUse(issuedAt: number, order: number, requestId: string): TokenUse {
  const issued = String(Math.round(order)).padStart(16, "0");
  return { issuedAt, issued, used: `${issued}${httpConnectionId(requestId)}` };
}
