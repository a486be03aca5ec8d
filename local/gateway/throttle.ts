/**
 * What a stage takes before it answers 429: token buckets, as API Gateway's throttling is documented. Best effort
 * there, exact here.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
 */

import type { Clock } from "../clock";
import type { ThrottlingDescription, ThrottlingLimits } from "../resources/web-socket-api";

export class Throttle {
  readonly #whole: Bucket | undefined;
  readonly #own: ReadonlyMap<string, Bucket>;

  constructor({ whole, routes }: ThrottlingDescription, clock: Clock) {
    this.#whole = whole && new Bucket(whole, clock);
    this.#own = new Map([...routes].map(([key, limits]) => [key, new Bucket(limits, clock)]));
  }

  /** Whether the route takes one more now, which then counts. A route without limits of its own shares the stage's. */
  admits(routeKey: string): boolean {
    return (this.#own.get(routeKey) ?? this.#whole)?.take() ?? true;
  }
}

class Bucket {
  #tokens: number;
  #filledAt: number;

  constructor(
    private readonly limits: ThrottlingLimits,
    private readonly clock: Clock,
  ) {
    this.#tokens = limits.burst;
    this.#filledAt = clock.now();
  }

  take(): boolean {
    const { perSecond, burst } = this.limits;
    const now = this.clock.now();
    const granted = (Math.max(0, now - this.#filledAt) / 1000) * perSecond;
    this.#tokens = Math.min(burst, this.#tokens + granted);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
