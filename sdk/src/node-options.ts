/** The options of agents and watchers in Node.js. */

import type { KeyObject } from "node:crypto";
import type { Agent as HttpAgent } from "node:http";
import type { CryptoKey } from "./connection/keys";
import type { WatcherOptions } from "./fleet/options";
import type { Tracing } from "./messaging/tracing";
import type { AgentOptions } from "./options";
import type { AwsIdentity } from "./platform/aws-proof";

/**
 * A private key (RSA, P-256 or Ed25519) as files, environment variables and secret managers contain it: PEM (PKCS #8,
 * PKCS #1 or SEC 1; other blocks are ignored), DER, a JWK, base64 of one of these, JSON in which one member
 * is one of these (a secret with several fields, a secret manager's whole response), or a key object.
 */
export type NodePrivateKey = string | Uint8Array | KeyObject | CryptoKey | object;

/** Options of an agent in Node.js. */
export interface NodeAgentOptions extends Omit<AgentOptions, "privateKey"> {
  /**
   * The private key, or a function that returns it or a promise of it. The function is called before each login, and again
   * if it fails. This or `privateKeyPath`.
   */
  privateKey?: NodePrivateKey | (() => NodePrivateKey | Promise<NodePrivateKey>) | undefined;
  /**
   * A file with the private key, in any of the textual or binary forms. It is read before each login. With
   * `enrolmentToken`, the generated key is stored there.
   */
  privateKeyPath?: string | URL | undefined;
  /**
   * Lets the agent register itself, with a token of `agent-heartbeat enrolments create`. It generates a key, which it stores
   * in the file `privateKeyPath`, or keeps in memory. Instead of `privateKey`; needs `httpUrl`.
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
  /** Decrypts an encrypted private key. */
  passphrase?: string | undefined;
  /**
   * Makes the connections, instead of the proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name: an
   * `https.Agent` for `wss:`. Not together with `heartbeatThread` or `runtime.openSocket`.
   */
  agent?: HttpAgent | undefined;
  /**
   * Signals that make `run()` drain; a second one stops it at once. Empty for none.
   *
   * @default ["SIGTERM", "SIGINT"]
   */
  signals?: readonly NodeJS.Signals[] | undefined;
  /**
   * Runs the connection and its heartbeats in a separate thread, so that a blocked event loop does
   * not take the agent offline. Handlers stay in the calling thread.
   *
   * @default false
   */
  heartbeatThread?: boolean | undefined;
  /**
   * How heartbeats are sent. With `http`, they are sent to `httpUrl`, which costs less. The WebSocket stays open for messages, and so that
   * its end is noticed at once. It carries the heartbeats while HTTP fails.
   *
   * @default "websocket"
   */
  heartbeatTransport?: "websocket" | "http" | undefined;
  /**
   * Traces messages: `new OpenTelemetryTracing()` of `@agent-heartbeat/sdk/opentelemetry`.
   *
   * @default - no tracing
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
