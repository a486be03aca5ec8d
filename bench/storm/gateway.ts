/** What API Gateway lets in of new connections: a token bucket, as its throttling is documented. */

/**
 * The default quota of new connections a second, and the bucket's size. AWS names the rate alone; a bucket
 * of one second's tokens is the least that the rate implies.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
 */
export const CONNECTS_PER_SECOND = 500;

export class ConnectQuota {
  #tokens: number;
  #filledAt = 0;

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
  ) {
    this.#tokens = burst;
  }

  /** Whether a connection at `now` milliseconds, not before the last one, is let in. */
  admits(now: number): boolean {
    const refill = ((now - this.#filledAt) / 1000) * this.perSecond;
    this.#tokens = Math.min(this.burst, this.#tokens + refill);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
