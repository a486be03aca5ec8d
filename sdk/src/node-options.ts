/** The options of agents and watchers in Node.js. */

import type { KeyObject } from "node:crypto";
import type { Agent as HttpAgent } from "node:http";
import type { CryptoKey } from "./connection/keys";
import type { WatcherOptions } from "./fleet/options";
import type { Tracing } from "./messaging/tracing";
import type { AgentOptions } from "./options";
import type { AwsIdentity } from "./platform/aws-proof";

/**
 * A private key (RSA, P-256 or Ed25519) as files, environment variables and secret managers hand it over: PEM (PKCS #8,
 * PKCS #1 or SEC 1; other blocks beside it are left out), DER, a JWK, base64 of one of these, JSON of which one member
 * holds one of these (a secret with several fields, a secret manager's whole answer), or a key object.
 */
export type NodePrivateKey = string | Uint8Array | KeyObject | CryptoKey | object;

/** Options of an agent in Node.js. */
export interface NodeAgentOptions extends Omit<AgentOptions, "privateKey"> {
  /**
   * The private key, or a function that returns it, also later. The function is called before each login, and again
   * after one at which it failed. This or `privateKeyPath`.
   */
  privateKey?: NodePrivateKey | (() => NodePrivateKey | Promise<NodePrivateKey>) | undefined;
  /**
   * A file with the private key, in any form that a text or bytes can have. It is read before each login. With
   * `enrolmentToken` it is where the key is kept: if there is none, it is made.
   */
  privateKeyPath?: string | URL | undefined;
  /**
   * Registers the agent by itself, with a token of `agent-heartbeat enrolments create`. It makes a key of its own, which it keeps
   * in the file `privateKeyPath`, or in memory. In place of `privateKey`; needs `httpUrl`.
   *
   * @default the environment variable `AGENT_HEARTBEAT_ENROLMENT_TOKEN`, without a `privateKey`
   */
  enrolmentToken?: string | undefined;
  /**
   * Proves an IAM role on AWS, for an `enrolmentToken` without a secret: one of `agent-heartbeat enrolments create --role-arn`.
   */
  awsIdentity?: AwsIdentity | undefined;
  /**
   * The HTTP URL of the deployment, its output `HttpUrl`.
   *
   * @default the environment variable `AGENT_HEARTBEAT_HTTP_URL`
   */
  httpUrl?: string | undefined;
  /** Opens a private key that is encrypted. */
  passphrase?: string | undefined;
  /**
   * Takes the connections, in place of the proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name: an
   * `https.Agent` for `wss:`. Not together with `heartbeatThread` or `runtime.openSocket`.
   */
  agent?: HttpAgent | undefined;
  /**
   * Signals on which `run()` drains; on a second one it stops at once. Empty for none.
   *
   * @default ["SIGTERM", "SIGINT"]
   */
  signals?: readonly NodeJS.Signals[] | undefined;
  /**
   * Keeps the connection and its heartbeats in a thread of their own, so that a blocked event loop does
   * not read as death. Handlers stay in the calling thread.
   *
   * @default false
   */
  heartbeatThread?: boolean | undefined;
  /**
   * How heartbeats are sent. With `http` they go to `httpUrl`, which costs less. The WebSocket stays open for messages and for
   * its end to be noticed at once, and carries the heartbeats while HTTP fails.
   *
   * @default "websocket"
   */
  heartbeatTransport?: "websocket" | "http" | undefined;
  /**
   * Takes messages into traces: `new OpenTelemetryTracing()` of `@agent-heartbeat/sdk/opentelemetry`.
   *
   * @default - messages belong to no trace
   */
  tracing?: Tracing | undefined;
}

/** Options of `FleetWatcher` in Node.js. */
export interface NodeWatcherOptions
  extends Omit<WatcherOptions, "privateKey">,
    Pick<
      NodeAgentOptions,
      | "privateKey"
      | "privateKeyPath"
      | "passphrase"
      | "agent"
      | "enrolmentToken"
      | "awsIdentity"
      | "httpUrl"
    > {}
