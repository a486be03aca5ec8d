/** The props of an `AgentHeartbeat`, with their defaults. */

import type { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { IEventBus } from "aws-cdk-lib/aws-events";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { CustomDomainProps } from "./custom-domain";
import type { ExistingTables } from "./existing-tables";
import type { StatusTableCapacity } from "./status-table-capacity";

/** Intervals and leases that the deployment grants to agents. */
export interface HeartbeatProps {
  /**
   * Interval for agents that request none.
   *
   * @default Duration.seconds(30)
   */
  readonly defaultInterval?: Duration | undefined;

  /**
   * Lease for agents that request none, as a multiple of the interval: 1.5 to 20.
   *
   * @default 3.0
   */
  readonly defaultTimeoutMultiplier?: number | undefined;

  /**
   * Shortest interval. An agent that requests less gets this one; the ack contains it.
   *
   * @default Duration.seconds(5)
   */
  readonly minInterval?: Duration | undefined;

  /**
   * Longest interval, at most 9 minutes, because API Gateway closes a connection after 10 minutes without traffic.
   *
   * @default Duration.minutes(9)
   */
  readonly maxInterval?: Duration | undefined;
}

/** When the service suspects a fault of its own, and withholds offline events. */
export interface SelfPreservationProps {
  /**
   * Share of the agents that are online, from 0.05 to 0.95. If more than this share have missed a heartbeat, the service
   * suspects a fault of its own.
   *
   * @default 0.5
   */
  readonly share?: number | undefined;

  /**
   * Below this number, silent agents are reported at once.
   *
   * @default 20
   */
  readonly minimum?: number | undefined;

  /**
   * How long to withhold offline events, from 1 minute to 1 hour. The first sweep after this time publishes the events of
   * agents that are still silent.
   *
   * @default Duration.minutes(5)
   */
  readonly holdFor?: Duration | undefined;
}

/** The rate above which the gateway responds with 429. */
export interface ThrottleLimits {
  /** Messages and logins per second: a whole number from 1 to 1,000,000. */
  readonly rateLimit: number;
  /** Messages and logins at once: a whole number from 1 to 1,000,000. */
  readonly burstLimit: number;
}

/** How fast a fleet may reconnect after all of its agents have lost their connections. */
export interface ReconnectProps {
  /**
   * New connections per second that the account's quota allows. All WebSocket APIs of a region share the quota.
   *
   * @default 500
   */
  readonly connectsPerSecond?: number | undefined;

  /**
   * The longest reconnect window, at most an hour; zero turns it off. In a large fleet, an agent whose connection was closed by
   * the gateway waits for half of the window on average.
   *
   * @default Duration.hours(1)
   */
  readonly maxWindow?: Duration | undefined;
}

/** Routes that can have their own limits. `$connect` is a login, `$default` a message of an unknown type. */
export const ROUTES = [
  "$connect",
  "heartbeat",
  "heartbeat_quiet",
  "profile",
  "subscribe",
  "unsubscribe",
  "publish",
  "list",
  "history",
  "$default",
] as const;

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
 * Concurrent executions that Lambda sets aside for single functions. They are also the most that the function gets, and they
 * count against the account's quota whether they are used or not. Of the quota, 100 must be left to other functions, so an
 * account with less can reserve none.
 */
export interface ReservedConcurrencyProps {
  /**
   * For heartbeats. At 50 ms each, 100 executions handle 2,000 a second.
   *
   * @default - none: shared with the account's other functions
   */
  readonly heartbeat?: number | undefined;
  /**
   * For the check of login tokens.
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
   * For heartbeats over HTTP. It is also the only limit of their rate, because anybody can call a function URL: at 50 ms each, 100
   * executions answer 2,000 a second, and further requests get 429.
   *
   * @default - none: shared with the account's other functions
   */
  readonly http?: number | undefined;
  /**
   * For the stream of transitions, whose events are late while it is throttled. It handles five batches of a shard at once.
   *
   * @default - none: shared with the account's other functions
   */
  readonly transitions?: number | undefined;
  /**
   * For the sweep, which runs once at a time.
   *
   * @default - none: shared with the account's other functions
   */
  readonly sweep?: number | undefined;
}

/** Settings of `AgentHeartbeat`. All are optional. */
export interface AgentHeartbeatProps {
  /** @default - 30 s x 3.0; agents may request 5 s to 9 min */
  readonly heartbeat?: HeartbeatProps | undefined;

  /**
   * How often expired leases are stored as offline and published on the event bus: whole minutes, or
   * 10, 12, 15, 20 or 30 seconds. Readers don't depend on it: they derive the status from the lease.
   * `agent-heartbeat cost --sweep-interval 10s` prints the cost of a setting.
   *
   * @default Duration.minutes(5)
   */
  readonly sweepInterval?: Duration | undefined;

  /**
   * If very many agents fall silent at once, offline events are withheld for a while, because the service itself may be at
   * fault. The derived status is not affected. False publishes all events at once.
   *
   * @default - more than half of the agents, and at least 20, for 5 minutes
   */
  readonly selfPreservation?: SelfPreservationProps | false | undefined;

  /**
   * How long an agent's row is kept after its last lease, at least an hour.
   *
   * @default Duration.days(7)
   */
  readonly retention?: Duration | undefined;

  /**
   * How long the logs of the functions and of the gateway are kept.
   *
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: RetentionDays | undefined;

  /**
   * Whether agents can send heartbeats over HTTP, to a function URL.
   *
   * @default true
   */
  readonly http?: boolean | undefined;

  /**
   * A custom domain for the function URL, by CloudFront, which charges for each request. The address that Lambda assigns keeps
   * working.
   *
   * @default - the address that Lambda assigns, which differs for every deployment
   */
  readonly httpDomain?: CustomDomainProps | undefined;

  /**
   * Whether to host the dashboard, in S3 behind CloudFront.
   *
   * @default true
   */
  readonly dashboard?: boolean | undefined;

  /**
   * A custom domain for the dashboard. The address that CloudFront assigns keeps working.
   *
   * @default - the address that CloudFront assigns
   */
  readonly dashboardDomain?: CustomDomainProps | undefined;

  /**
   * The rate and burst of messages and logins above which the gateway responds with 429. All APIs of a region and posts to
   * connections share the account's quota: 10,000 and 5,000 in most regions, 2,500 and 1,250 in some. The default fits every
   * region, and 60,000 agents with a heartbeat every 30 seconds.
   *
   * @default - 2000 per second, 1000 at once
   */
  readonly throttling?: ThrottlingProps | undefined;

  /**
   * Concurrent executions that are set aside for heartbeats, logins, disconnects and the events of transitions, so that neither
   * slow messages nor other functions of the account take them. They cost nothing.
   *
   * @default - none, which every account can deploy; the limits of the routes keep their bursts below an account's quota of 1,000
   */
  readonly reservedConcurrency?: ReservedConcurrencyProps | undefined;

  /** @default - 500 per second, over an hour at most */
  readonly reconnect?: ReconnectProps | undefined;

  /**
   * Whether the gateway logs every message, without its content. This requires a role in the account's API Gateway settings;
   * without it the deployment fails.
   *
   * @default false
   */
  readonly accessLogs?: boolean | undefined;

  /**
   * Which alarms to create: true for each section of the runbook, false for none, `"essential"` for those that are on while
   * agents can't connect or be heard, or while events are lost, late or withheld. CloudWatch charges for each metric of an alarm.
   *
   * @default "essential"
   */
  readonly alarms?: boolean | "essential" | undefined;

  /**
   * The topic that alarms notify when they begin, and when they are over.
   *
   * @default - alarms are visible in CloudWatch only
   */
  readonly alarmTopic?: ITopic | undefined;

  /**
   * The address of a page with the runbook, which has a heading for each alarm, without `#` and what follows. The package contains
   * the page as `dist/runbook.md`.
   *
   * @default - descriptions of alarms name the command that prints their section
   */
  readonly runbookUrl?: string | undefined;

  /**
   * Whether to create a CloudWatch dashboard with the fleet, its heartbeats and failures. The first three dashboards of an
   * account are free, and each further one costs 3 USD per month.
   *
   * @default false
   */
  readonly cloudWatchDashboard?: boolean | undefined;

  /**
   * Whether X-Ray traces the functions, at extra cost.
   *
   * @default false
   */
  readonly tracing?: boolean | undefined;

  /**
   * What happens to the tables when they are removed from the stack. Everything else, including logs, is deleted.
   *
   * @default RemovalPolicy.RETAIN - because without the registry every agent must be registered again
   */
  readonly removalPolicy?: RemovalPolicy | undefined;

  /**
   * A custom domain for the gateway. The address that API Gateway assigns keeps working.
   *
   * @default - the address that API Gateway assigns, which differs for every deployment
   */
  readonly customDomain?: CustomDomainProps | undefined;

  /**
   * An existing bus in the same account and region, to which transitions are published and from which `Agent Message` events
   * are delivered. Deployments that share a bus all deliver each message.
   *
   * @default - the construct creates a bus
   */
  readonly eventBus?: IEventBus | undefined;

  /**
   * Existing tables, for example after a restore.
   *
   * @default - the construct creates all tables
   */
  readonly tables?: ExistingTables | undefined;

  /**
   * Provisioned capacity of the status table, with auto-scaling: for a steady fleet at less than half of the price of on-demand
   * writes. It can be changed at any time, back to on demand up to four times a day. Not together with `tables.status`, whose
   * capacity is its own.
   *
   * @default - on demand, which takes any load
   */
  readonly statusTableCapacity?: StatusTableCapacity | undefined;

  /**
   * The key that encrypts tables, logs and queues of undelivered events, at the price of KMS.
   *
   * @default - keys owned by AWS, free of charge
   */
  readonly encryptionKey?: IKey | undefined;
}
