/** What a client presents when it connects: the subprotocol and the claims of its login token. */

/** The WebSocket subprotocol that the server selects. The second one offered is the login token. */
export const SUBPROTOCOL = "agent-heartbeat.v1";

/** What to do when another process connects with the same agent id: see `docs/protocol.md`. */
export type DuplicatePolicy = "replace" | "reject";

/** Claims of the login token, a JWT of at most 60 seconds. Durations are in seconds. */
export interface LoginClaims {
  /** The agent id, the same as `sub`. */
  iss: string;
  sub: string;
  /** The organization id. */
  org: string;
  /** `audienceOf(url)`: `wss://host/stage`. */
  aud: string;
  /** When the token was made, in seconds since 1970. Fractions are allowed. */
  iat: number;
  /** When it ends: at most 60 seconds after `iat`. */
  exp: number;
  /**
   * Unique: a token is accepted once. 1 to 64 characters.
   *
   * @minLength 1
   * @maxLength 64
   */
  jti: string;
  /**
   * In seconds, above 0. Fractions are allowed.
   *
   * @default the deployment's: 30 unless set otherwise
   * @exclusiveMinimum 0
   * @maximum 1000000000
   */
  heartbeat_interval?: number;
  /**
   * In seconds, above 0: how long the agent counts as online without a heartbeat. It is kept between 1.5 and 20 intervals.
   *
   * @default heartbeat_interval x the deployment's multiplier: 3.0 unless set otherwise
   * @exclusiveMinimum 0
   * @maximum 1000000000
   */
  heartbeat_timeout?: number;
  /**
   * The process. Any 1 to 64 characters; the same for all connections of a process, and another one after a restart.
   *
   * @minLength 1
   * @maxLength 64
   */
  instance_id: string;
  /** @default "replace" */
  on_duplicate?: DuplicatePolicy;
  /**
   * Whether the process has another connection open, which this one will replace. Without it, the new connection replaces all
   * connections of the process.
   *
   * @default false
   */
  rotation?: boolean;
  /**
   * Whether the client only watches the fleet. If so, an agent's key is refused (422), because the connection would take
   * the agent's lease.
   *
   * @default false
   */
  watches?: boolean;
}

/** The HTTP status of the handshake of a watcher that has an agent's key. */
export const AGENT_WATCHES_STATUS = 422;

/** How long a login token is valid, in seconds. */
export const LOGIN_TOKEN_TTL_SECONDS = 60;

/**
 * The `aud` of a login token for a WebSocket URL: always `wss://`, host and path, without query and trailing slash, so that
 * client and server compute the same text for either scheme.
 *
 * @throws TypeError if `url` is not a URL.
 */
export function audienceOf(url: string): string {
  const { host, pathname } = new URL(url);
  // Each scheme has its own default port; neither is part of the audience.
  return `wss://${new URL(`wss://${host}`).host}${pathname.replace(/\/+$/, "")}`;
}
