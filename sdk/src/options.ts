/** The options of an agent: their defaults, and how they are validated. */

import { HEARTBEAT } from "../../core/limits";
import { audienceOf, type DuplicatePolicy } from "../../core/login-claims";
import type { Profile } from "../../core/presence";
import { checkId, invalid, millis, whole, within } from "./checks";
import {
  builtInSchedules,
  MAX_WINDOW_SECONDS,
  type ReconnectSchedule,
  type Schedules,
} from "./connection/backoff";
import type { HeartbeatTerms } from "./connection/heartbeat";
import type { CryptoKey, PrivateJwk } from "./connection/keys";
import type { ManagerOptions } from "./connection/manager-options";
import type { DispatchLimits } from "./messaging/dispatcher";
import { profileOf } from "./messaging/profile";
import type { Runtime } from "./platform/runtime";
import { callSafely } from "./user-code";

/** Where warnings go. */
export interface Logger {
  warn(message: string): void;
  error(message: string): void;
}

/**
 * When to reconnect. Each delay is drawn from the whole of a window that doubles with every failure. Causes that
 * take longer to pass than a broken connection, such as a refused login, have windows that are multiples of these.
 */
export interface ReconnectOptions {
  /** The first window after a broken connection, in seconds: 0.1 to 3600. @default 1, or `maxDelay` if that is less */
  baseDelay?: number | undefined;
  /** Its largest window, in seconds: `baseDelay` to 3600. @default 60, or `baseDelay` if that is more */
  maxDelay?: number | undefined;
  /**
   * Replaces the windows of all causes. What the server asks for (`Retry-After`, a window for the whole fleet)
   * still applies. If it throws, or returns anything but 0 to 3600, the built-in window applies. Not together
   * with `heartbeatThread`.
   */
  schedule?: ReconnectSchedule | undefined;
  /** A connection that reaches this age, in seconds, resets the windows: 1 to 3600. @default 60 */
  stableAfter?: number | undefined;
}

/** A private key, in the forms that every platform accepts. */
export type PrivateKey = string | PrivateJwk | CryptoKey;

/** Options of `HeartbeatAgent` and `SimpleAgent`. Durations are in seconds. */
export interface AgentOptions {
  /** 1 to 128 of `A-Z a-z 0-9 _ - . @ : / + = %`, of which the first is a letter, a digit, `_` or `-`. */
  agentId: string;
  /** 1 to 128 of `A-Z a-z 0-9 _ - . @ : / + = %`, of which the first is a letter, a digit, `_` or `-`. */
  organizationId: string;
  /** The WebSocket URL of the deployment: `wss://host/stage`. */
  url: string;
  /**
   * PEM text (PKCS #8), a JWK (an object, or its JSON text) or a Web Crypto key: RSA, P-256 or Ed25519. Or a function
   * that returns one of these, or a promise of one. It is called before each login, and again if it fails.
   */
  privateKey?: PrivateKey | (() => PrivateKey | Promise<PrivateKey>) | undefined;
  /** The key's RFC 7638 thumbprint; needed only for a Web Crypto key that is not extractable. */
  keyId?: string | undefined;
  /** 1 to 540. The server may adjust it to its own bounds. @default 30 */
  heartbeatInterval?: number | undefined;
  /** How many intervals without a heartbeat count as death: 1.5 to 20. @default 3 */
  heartbeatTimeoutMultiplier?: number | undefined;
  /** Requests an ack only with every n-th heartbeat: 1 to 10. A dead connection is noticed later. @default 1 */
  ackEvery?: number | undefined;
  /** If false, `run()` rejects when the first connection has failed or ended. @default true */
  autoReconnect?: boolean | undefined;
  /**
   * What happens to a process that connects while another one runs as the same agent: it takes over
   * (`replace`), or it is refused until the other's lease ends (`reject`). @default "replace"
   */
  onDuplicate?: DuplicatePolicy | undefined;
  /** What the agent can do: at most 50 names of 1 to 64 characters. */
  capabilities?: readonly string[] | undefined;
  /** Additional information about the agent: plain JSON, at most 4 KB together with the capabilities. */
  metadata?: Readonly<Record<string, unknown>> | undefined;
  /** How many handlers run at once: 1 to 10000. @default 16 */
  messageConcurrency?: number | undefined;
  /** How many messages may wait for a handler; further ones are dropped: 1 to 1000000. @default 1000 */
  messageQueue?: number | undefined;
  /**
   * How many messages may wait to be sent, because an earlier one on their subject is not confirmed; `publish()` and
   * `request()` reject further ones: 1 to 1000000. @default 10000
   */
  sendQueue?: number | undefined;
  /**
   * Whether the agent drains when the event bus sends it a message with the subject `agent.drain`.
   * Anyone who may put events on the bus can then end the agent. @default false
   */
  remoteDrain?: boolean | undefined;
  reconnect?: ReconnectOptions | undefined;
  /**
   * The age at which a connection is replaced, drawn between the two: 10 to 7000 seconds. API Gateway
   * ends every connection at 7200. @default { min: 5400, max: 6600 }
   */
  rotateAfter?: { min: number; max: number } | undefined;
  /** How long a handshake may take: 1 to 60. @default 15 */
  connectTimeout?: number | undefined;
  /** How long to wait for the server's close frame: 0.1 to 30. @default 2 */
  closeTimeout?: number | undefined;
  /** How long a drain waits for running handlers: 0 to 86400. @default 30 */
  drainTimeout?: number | undefined;
  /** How long a request waits for its reply: 0.1 to 600. @default 10 */
  requestTimeout?: number | undefined;
  /** Where warnings go; null for nowhere. @default console */
  logger?: Logger | null | undefined;
  /** Replaces clocks, randomness, timers or sockets. Not together with `heartbeatThread`. */
  runtime?: Partial<Runtime> | undefined;
}

/** Options with their defaults, in milliseconds. */
export interface ResolvedOptions {
  managerOptions: Omit<ManagerOptions, "loadKey">;
  drainTimeoutMs: number;
  requestTimeoutMs: number;
  logger: Logger;
  /** Null if there is nothing to report. */
  profile: Profile | null;
  limits: DispatchLimits;
  /** How many messages may wait to be sent. */
  maxWaiting: number;
  remoteDrain: boolean;
}

type SecondsOption = "connectTimeout" | "closeTimeout" | "drainTimeout" | "requestTimeout";
type CountOption = "messageConcurrency" | "messageQueue" | "sendQueue";

/** Which of the two agents is created. */
export type AgentKind = "heartbeat" | "simple";

/** A logger that throws or rejects does nothing. */
const safeLogger = (logger: Logger | null): Logger => ({
  warn: (message) => callSafely(() => logger?.warn(message)),
  error: (message) => callSafely(() => logger?.error(message)),
});
const MIN_INTERVAL_SECONDS = 1;

/**
 * Checks options and fills in the defaults.
 *
 * @throws ConfigurationError if an option is missing, of the wrong type or out of its limits.
 */
export function resolveOptions(options: AgentOptions, kind: AgentKind): ResolvedOptions {
  const { agentId, organizationId, url, onDuplicate = "replace" } = options;
  checkId("agentId", agentId);
  checkId("organizationId", organizationId);
  checkUrl(url);
  if (onDuplicate !== "replace" && onDuplicate !== "reject") {
    throw invalid("onDuplicate", '"replace" or "reject"', onDuplicate);
  }
  const terms = heartbeatTerms(options);
  const seconds = (name: SecondsOption, preset: number, min: number, max: number) =>
    millis(name, options[name] ?? preset, min, max);
  const count = (name: CountOption, preset: number, max: number) =>
    whole(name, options[name] ?? preset, 1, max);
  const { min, max } = options.rotateAfter ?? { min: 5400, max: 6600 };
  const rotateMin = within("rotateAfter.min", min, 10, 7000);
  const simple = kind === "simple";
  return {
    managerOptions: {
      url,
      login: {
        agentId,
        organizationId,
        audience: audienceOf(url),
        heartbeatInterval: terms.intervalMs / 1000,
        heartbeatTimeout: (terms.intervalMs / 1000) * terms.timeoutMultiplier,
        instanceId: crypto.randomUUID(),
        onDuplicate,
      },
      heartbeat: simple ? null : terms,
      autoReconnect: !simple && (options.autoReconnect ?? true),
      schedules: schedules(options.reconnect ?? {}),
      stableAfterMs: millis("reconnect.stableAfter", options.reconnect?.stableAfter ?? 60, 1, 3600),
      connectTimeoutMs: seconds("connectTimeout", 15, 1, 60),
      closeTimeoutMs: seconds("closeTimeout", 2, 0.1, 30),
      rotateAfterMs: {
        min: rotateMin * 1000,
        max: millis("rotateAfter.max", max, rotateMin, 7000),
      },
    },
    drainTimeoutMs: seconds("drainTimeout", 30, 0, 86_400),
    requestTimeoutMs: seconds("requestTimeout", 10, 0.1, 600),
    logger: safeLogger(options.logger === undefined ? console : options.logger),
    profile: profileOf(options),
    limits: {
      handlers: count("messageConcurrency", 16, 10_000),
      queue: count("messageQueue", 1_000, 1_000_000),
    },
    maxWaiting: count("sendQueue", 10_000, 1_000_000),
    remoteDrain: options.remoteDrain ?? false,
  };
}

/** @throws ConfigurationError if one is out of its limits. */
export function heartbeatTerms(
  options: Pick<AgentOptions, "heartbeatInterval" | "heartbeatTimeoutMultiplier" | "ackEvery">,
): HeartbeatTerms {
  const { heartbeatInterval, heartbeatTimeoutMultiplier, ackEvery = 1 } = options;
  return {
    intervalMs: millis(
      "heartbeatInterval",
      heartbeatInterval ?? HEARTBEAT.defaultIntervalSeconds,
      MIN_INTERVAL_SECONDS,
      HEARTBEAT.maxIntervalSeconds,
    ),
    timeoutMultiplier: within(
      "heartbeatTimeoutMultiplier",
      heartbeatTimeoutMultiplier ?? HEARTBEAT.defaultTimeoutMultiplier,
      HEARTBEAT.minTimeoutMultiplier,
      HEARTBEAT.maxTimeoutMultiplier,
    ),
    ackEvery: whole("ackEvery", ackEvery, 1, 10),
  };
}

function schedules({ baseDelay, maxDelay, schedule }: ReconnectOptions): Schedules {
  const base = baseDelay ?? (maxDelay && maxDelay >= 0.1 && maxDelay < 1 ? maxDelay : 1);
  const baseMs = millis("reconnect.baseDelay", base, 0.1, MAX_WINDOW_SECONDS);
  const max = maxDelay ?? Math.max(60, base);
  const maxMs = millis("reconnect.maxDelay", max, base, MAX_WINDOW_SECONDS);
  if (schedule !== undefined && typeof schedule !== "function") {
    throw invalid("reconnect.schedule", "a function", schedule);
  }
  return { builtIn: builtInSchedules(baseMs, maxMs), ...(schedule && { custom: schedule }) };
}

function checkUrl(url: unknown): void {
  if (typeof url === "string" && /^wss?:/i.test(url) && URL.canParse(url)) return;
  throw invalid("url", "a wss:// URL", url);
}
