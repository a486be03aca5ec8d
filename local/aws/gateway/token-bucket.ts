/**
 * API Gateway's throttling, as documented:
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
 */

import type { ThrottlingLimits } from "../resources/web-socket-api";

/** A token bucket, initially full. */
export class TokenBucket {
  #tokens: number;
  #filledAt = 0;

  constructor(private readonly limits: ThrottlingLimits) {
    this.#tokens = limits.burst;
  }

  /** Takes a token at `now`, in milliseconds. False if there is none. */
  admits(now: number): boolean {
    const { perSecond, burst } = this.limits;
    const granted = (Math.max(0, now - this.#filledAt) / 1000) * perSecond;
    this.#tokens = Math.min(burst, this.#tokens + granted);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
