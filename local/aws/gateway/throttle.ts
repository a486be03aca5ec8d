/** The throttling of a stage and its routes: best effort on AWS, exact here. */

import type { Clock } from "../clock";
import type { ThrottlingDescription } from "../resources/web-socket-api";
import { TokenBucket } from "./token-bucket";

export class Throttle {
  readonly #whole: TokenBucket | undefined;
  readonly #own: ReadonlyMap<string, TokenBucket>;

  constructor(
    { whole, routes }: ThrottlingDescription,
    private readonly clock: Clock,
  ) {
    this.#whole = whole && new TokenBucket(whole);
    this.#own = new Map([...routes].map(([key, limits]) => [key, new TokenBucket(limits)]));
  }

  /** Takes a token for a route. False if there is none. Routes without their own limits share the stage's. */
  admits(routeKey: string): boolean {
    return (this.#own.get(routeKey) ?? this.#whole)?.admits(this.clock.now()) ?? true;
  }
}
