/** Props that limit the load: the rates of the routes, and the concurrency reserved for functions. */

import { MESSAGE_TYPES } from "../core/roles";

/** The rate above which the gateway responds with 429. */
export interface ThrottleLimits {
  /** Messages and logins per second: a whole number from 1 to 1,000,000. */
  readonly rateLimit: number;
  /** Messages and logins at once: a whole number from 1 to 1,000,000. */
  readonly burstLimit: number;
}

/** Routes that can have their own limits. `$connect` is a login, `$default` a message of an unknown type. */
export const ROUTES = ["$connect", ...MESSAGE_TYPES, "$default"] as const;

/** A route of the gateway: logins, a type of message, or messages of unknown types. */
export type Route = (typeof ROUTES)[number];

/** The gateway's limits, and lower ones for single routes. */
export interface ThrottlingProps extends ThrottleLimits {
  /**
   * Limits of single routes, none higher than the gateway's. A route that is not named here keeps its default.
   *
   * @default - a share of the gateway's limits for each route
   */
  readonly routes?: Partial<Record<Route, ThrottleLimits>> | undefined;
}

/**
 * Concurrent executions that Lambda reserves for single functions. They are also the most that a function gets, and count
 * against the account's quota whether they are used or not. Lambda leaves at least 100 of the quota unreserved, so a
 * smaller account can reserve none.
 */
export interface ReservedConcurrencyProps {
  /**
   * For heartbeats. At 50 ms each, 100 executions handle 2,000 a second.
   *
   * @default - none: shared with the account's other functions
   */
  readonly heartbeat?: number | undefined;
  /**
   * For checking login tokens.
   *
   * @default - none: shared with the account's other functions
   */
  readonly authorize?: number | undefined;
  /**
   * For new connections.
   *
   * @default - none: shared with the account's other functions
   */
  readonly connect?: number | undefined;
  /**
   * For connections that end.
   *
   * @default - none: shared with the account's other functions
   */
  readonly disconnect?: number | undefined;
  /**
   * For heartbeats over HTTP. It is also the only limit on their rate, because anyone can call a function URL: at 50 ms
   * each, 100 executions answer 2,000 a second, and further requests get 429.
   *
   * @default - none: shared with the account's other functions
   */
  readonly http?: number | undefined;
  /**
   * For the stream of transitions. While it is throttled, events are late. It handles five batches of a shard at once.
   *
   * @default - none: shared with the account's other functions
   */
  readonly transitions?: number | undefined;
  /**
   * For the sweep. Only one runs at a time.
   *
   * @default - none: shared with the account's other functions
   */
  readonly sweep?: number | undefined;
}
