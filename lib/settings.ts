/** The settings of an `AgentHeartbeat`: its props with defaults filled in and limits checked. */

import { Duration, RemovalPolicy, Token } from "aws-cdk-lib";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { HEARTBEAT } from "../core/limits";
import { type Complete, defined, expectDuration, expectLimit } from "./limits";
import { expectNames, expectProps } from "./prop-names";
import type {
  AgentHeartbeatProps,
  HeartbeatProps,
  ReconnectProps,
  SelfPreservationProps,
} from "./props";
import { type Capacity, capacityOf, expectCapacity } from "./status-table-capacity";
import {
  type ReservedConcurrencyProps,
  ROUTES,
  type Route,
  type ThrottleLimits,
  type ThrottlingProps,
} from "./throttling-props";

/** Sweep intervals below a minute: divisors of a minute. */
const FAST_SWEEPS_SECONDS: readonly number[] = [10, 12, 15, 20, 30];

/**
 * Below the quota of every region: 2,500 a second and 1,250 at once in the smallest ones, which refuse a stage with higher
 * limits (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html).
 */
export const DEFAULT_THROTTLING: ThrottlingProps = { rateLimit: 2000, burstLimit: 1000 };

/**
 * Limits of the routes, as shares of the gateway's. A route with its own limits takes nothing from any other's. Together the
 * bursts stay below the gateway's, which by default equals Lambda's default quota of concurrent executions: what comes at once,
 * of all types, leaves room for disconnects, the sweep and the stream. What keeps coming takes its rate times its duration.
 */
export const ROUTE_SHARES: Readonly<Record<Route, { rate: number; burst: number }>> = {
  $connect: { rate: 1, burst: 0.2 },
  heartbeat: { rate: 1, burst: 0.2 },
  heartbeat_quiet: { rate: 1, burst: 0.17 },
  profile: { rate: 0.25, burst: 0.04 },
  subscribe: { rate: 0.5, burst: 0.1 },
  unsubscribe: { rate: 0.25, burst: 0.05 },
  publish: { rate: 0.5, burst: 0.08 },
  list: { rate: 0.1, burst: 0.04 },
  history: { rate: 0.05, burst: 0.02 },
  $default: { rate: 0.05, burst: 0.02 },
};

/** Props without a default. */
type Unset =
  | "httpDomain"
  | "dashboardDomain"
  | "alarmTopic"
  | "runbookUrl"
  | "customDomain"
  | "eventBus"
  | "encryptionKey";

/** Props without nested defaults. */
type Plain = Complete<
  Omit<
    AgentHeartbeatProps,
    Unset | "heartbeat" | "reconnect" | "selfPreservation" | "statusTableCapacity" | "throttling"
  >
>;

/** The settings with every default filled in. */
export interface Settings
  extends Plain,
    Readonly<{ [K in Unset]?: AgentHeartbeatProps[K] | undefined }> {
  readonly heartbeat: Complete<HeartbeatProps>;
  readonly reconnect: Complete<ReconnectProps>;
  readonly selfPreservation: Complete<SelfPreservationProps> | undefined;
  /** Undefined for on demand. */
  readonly statusTableCapacity: Capacity | undefined;
  readonly throttling: ThrottleLimits & { readonly routes: Partial<Record<Route, ThrottleLimits>> };
}

const RESERVABLE: ReadonlySet<string> = new Set<keyof ReservedConcurrencyProps>([
  "heartbeat",
  "authorize",
  "connect",
  "disconnect",
  "http",
  "transitions",
  "sweep",
]);

const DEFAULTS: Plain = {
  sweepInterval: Duration.minutes(5),
  retention: Duration.days(7),
  logRetention: RetentionDays.ONE_MONTH,
  http: true,
  dashboard: true,
  reservedConcurrency: {},
  accessLogs: false,
  alarms: "essential",
  cloudWatchDashboard: false,
  tracing: false,
  removalPolicy: RemovalPolicy.RETAIN,
  tables: {},
};

/**
 * Fills in the defaults.
 *
 * @throws Error naming the setting, the expected and the actual value
 */
export function settingsOf(props: AgentHeartbeatProps): Settings {
  expectProps(props);
  const settings: Settings = {
    ...DEFAULTS,
    ...defined(props),
    heartbeat: withDefaults<HeartbeatProps>("heartbeat", props.heartbeat, {
      defaultInterval: Duration.seconds(HEARTBEAT.defaultIntervalSeconds),
      defaultTimeoutMultiplier: HEARTBEAT.defaultTimeoutMultiplier,
      minInterval: Duration.seconds(HEARTBEAT.minIntervalSeconds),
      maxInterval: Duration.seconds(HEARTBEAT.maxIntervalSeconds),
    }),
    reconnect: withDefaults<ReconnectProps>("reconnect", props.reconnect, {
      connectsPerSecond: 500,
      maxWindow: Duration.hours(1),
    }),
    selfPreservation: selfPreservationOf(props.selfPreservation),
    statusTableCapacity: capacityOf(props.statusTableCapacity),
    throttling: throttlingOf(props.throttling),
  };
  validate(settings);
  return settings;
}

function selfPreservationOf(props: SelfPreservationProps | false = {}) {
  if (props === false) return undefined;
  const defaults = { share: 0.5, minimum: 20, holdFor: Duration.minutes(5) };
  return withDefaults<SelfPreservationProps>("selfPreservation", props, defaults);
}

/** @throws Error if there is no setting of a name */
function withDefaults<T extends object>(
  name: string,
  props: T | undefined,
  defaults: Complete<T>,
): Complete<T> {
  expectNames(`${name}.`, props, defaults);
  return { ...defaults, ...defined(props ?? {}) };
}

function throttlingOf(props: ThrottlingProps = DEFAULT_THROTTLING): Settings["throttling"] {
  return { ...props, routes: { ...routeLimits(props), ...defined(props.routes ?? {}) } };
}

/** The default limits of the routes. Of limits that are known only when deploying, no share can be computed. */
export function routeLimits({ rateLimit, burstLimit }: ThrottleLimits) {
  const limits: Partial<Record<Route, ThrottleLimits>> = {};
  if (Token.isUnresolved(rateLimit) || Token.isUnresolved(burstLimit)) return limits;
  for (const route of ROUTES) {
    const { rate, burst } = ROUTE_SHARES[route];
    limits[route] = {
      rateLimit: Math.ceil(rateLimit * rate),
      burstLimit: Math.ceil(burstLimit * burst),
    };
  }
  return limits;
}

function validate(settings: Settings): void {
  const { heartbeat, sweepInterval, retention, throttling, reconnect, reservedConcurrency } =
    settings;
  const { minInterval, maxInterval, defaultInterval, defaultTimeoutMultiplier } = heartbeat;
  expectDuration("heartbeat.minInterval", minInterval, HEARTBEAT.minIntervalSeconds, 540);
  expectDuration("heartbeat.maxInterval", maxInterval, minInterval.toSeconds(), 540);
  expectDuration(
    "heartbeat.defaultInterval",
    defaultInterval,
    minInterval.toSeconds(),
    maxInterval.toSeconds(),
  );
  const { minTimeoutMultiplier, maxTimeoutMultiplier } = HEARTBEAT;
  if (
    !Token.isUnresolved(defaultTimeoutMultiplier) &&
    !(
      defaultTimeoutMultiplier >= minTimeoutMultiplier &&
      defaultTimeoutMultiplier <= maxTimeoutMultiplier
    )
  ) {
    throw new Error(
      `heartbeat.defaultTimeoutMultiplier: expected ${minTimeoutMultiplier} to ${maxTimeoutMultiplier}, ` +
        `got ${defaultTimeoutMultiplier}`,
    );
  }
  expectDuration("sweepInterval", sweepInterval, 10, 24 * 3600);
  const sweepSeconds = sweepInterval.toSeconds({ integral: false });
  if (sweepSeconds % 60 !== 0 && !FAST_SWEEPS_SECONDS.includes(sweepSeconds)) {
    throw new Error(
      `sweepInterval: expected whole minutes, or one of ${FAST_SWEEPS_SECONDS.join(", ")} seconds, ` +
        `got ${sweepInterval.toHumanString()}`,
    );
  }
  if (settings.httpDomain && !settings.http) {
    throw new Error("httpDomain: expected none, because `http` is false");
  }
  if (settings.dashboardDomain && !settings.dashboard) {
    throw new Error("dashboardDomain: expected none, because `dashboard` is false");
  }
  if (![true, false, "essential"].includes(settings.alarms)) {
    throw new Error(`alarms: expected true, false or "essential", got ${settings.alarms}`);
  }
  if (settings.statusTableCapacity) {
    expectCapacity(settings.statusTableCapacity);
    if (settings.tables.status) {
      throw new Error("statusTableCapacity: expected none, because `tables.status` has its own");
    }
  }
  if (settings.selfPreservation) validateSelfPreservation(settings.selfPreservation);
  expectThrottling(throttling);
  for (const [name, value] of Object.entries(defined(reservedConcurrency))) {
    expectReserved(name, value);
  }
  expectLimit("reconnect.connectsPerSecond", reconnect.connectsPerSecond, 1_000_000);
  expectDuration("reconnect.maxWindow", reconnect.maxWindow, 0, 3600);
  expectDuration("retention", retention, 3600, 365 * 24 * 3600);
}

function expectReserved(name: string, value: number): void {
  if (!RESERVABLE.has(name)) {
    throw new Error(`reservedConcurrency: expected ${[...RESERVABLE].join(", ")}, got ${name}`);
  }
  expectLimit(`reservedConcurrency.${name}`, value, 1_000_000);
}

function expectThrottling({ rateLimit, burstLimit, routes }: Settings["throttling"]): void {
  expectLimit("throttling.rateLimit", rateLimit, 1_000_000);
  expectLimit("throttling.burstLimit", burstLimit, 1_000_000);
  for (const [route, limits] of Object.entries(routes)) {
    if (!(ROUTES as readonly string[]).includes(route)) {
      throw new Error(`throttling.routes: expected ${ROUTES.join(", ")}, got ${route}`);
    }
    expectLimit(`throttling.routes.${route}.rateLimit`, limits.rateLimit, rateLimit);
    expectLimit(`throttling.routes.${route}.burstLimit`, limits.burstLimit, burstLimit);
  }
}

function validateSelfPreservation({
  share,
  minimum,
  holdFor,
}: Complete<SelfPreservationProps>): void {
  if (!Token.isUnresolved(share) && !(share >= 0.05 && share <= 0.95)) {
    throw new Error(`selfPreservation.share: expected 0.05 to 0.95, got ${share}`);
  }
  expectLimit("selfPreservation.minimum", minimum, 1_000_000);
  expectDuration("selfPreservation.holdFor", holdFor, 60, 3600);
}
