/** The props of an `AgentHeartbeat`, with their defaults. */

import type { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { IEventBus } from "aws-cdk-lib/aws-events";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { CustomDomainProps } from "./custom-domain";
import type { ExistingTables } from "./existing-tables";
import type { StatusTableCapacity } from "./status-table-capacity";
import type { ReservedConcurrencyProps, ThrottlingProps } from "./throttling-props";

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

/** How fast a fleet may reconnect after all of its agents have lost their connections. */
export interface ReconnectProps {
  /**
   * New connections per second that the account's quota allows. All WebSocket APIs of a region share the quota.
   *
   * @default 500
   */
  readonly connectsPerSecond?: number | undefined;

  /**
   * The longest reconnect window, at most an hour; zero turns it off. In a large fleet, an agent whose connection the
   * gateway closed waits for half of the window on average.
   *
   * @default Duration.hours(1)
   */
  readonly maxWindow?: Duration | undefined;
}

/** Settings of `AgentHeartbeat`. All are optional. */
export interface AgentHeartbeatProps {
  /** @default - 30 s x 3.0; agents may request 5 s to 9 min */
  readonly heartbeat?: HeartbeatProps | undefined;

  /**
   * How often expired leases are stored as offline and published on the event bus: whole minutes, or 10, 12, 15, 20 or 30
   * seconds. Readers don't depend on it, because they derive the status from the lease. `agent-heartbeat cost
   * --sweep-interval 10s` prints what a setting costs.
   *
   * @default Duration.minutes(5)
   */
  readonly sweepInterval?: Duration | undefined;

  /**
   * If very many agents fall silent at once, the service withholds offline events for a while, because it may be at fault
   * itself. The derived status is not affected. False publishes all events at once.
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
   * A custom domain for the function URL, through CloudFront, which charges for each request. The address that Lambda
   * assigns keeps working.
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
   * Concurrent executions reserved for heartbeats, logins, disconnects and transitions, so that neither slow messages nor
   * other functions of the account can take them. They cost nothing.
   *
   * @default - none, because not every account's quota allows any; the routes' limits keep their bursts below the usual
   * quota of 1,000
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
   * Which alarms to create: true for one per section of the runbook, false for none, `"essential"` for those that fire when
   * agents can't connect, when heartbeats are lost, or when events are lost, late or withheld. CloudWatch charges for each
   * metric of an alarm.
   *
   * @default "essential"
   */
  readonly alarms?: boolean | "essential" | undefined;

  /**
   * The topic to notify when an alarm starts and when it ends.
   *
   * @default - alarms are visible in CloudWatch only
   */
  readonly alarmTopic?: ITopic | undefined;

  /**
   * The address of a page with the runbook, without a fragment (`#...`). The page needs a heading for each alarm; the
   * package contains it as `dist/runbook.md`.
   *
   * @default - the description of each alarm names the command that prints its section
   */
  readonly runbookUrl?: string | undefined;

  /**
   * Whether to create a CloudWatch dashboard of the fleet, its heartbeats and failures. An account's first three dashboards
   * are free; each further one costs 3 USD per month.
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
   * What happens to the tables when the stack is deleted or no longer contains them. Everything else, including logs, is
   * deleted.
   *
   * @default RemovalPolicy.RETAIN - without the registry, every agent would have to be registered again
   */
  readonly removalPolicy?: RemovalPolicy | undefined;

  /**
   * A custom domain for the gateway. The address that API Gateway assigns keeps working.
   *
   * @default - the address that API Gateway assigns, which differs for every deployment
   */
  readonly customDomain?: CustomDomainProps | undefined;

  /**
   * An existing bus in the same account and region. The service publishes transitions on it, and delivers its `Agent
   * Message` events. If deployments share a bus, each of them delivers every message.
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
   * Provisioned capacity of the status table, with auto-scaling. For a steady fleet it costs less than half of on-demand
   * writes. It can be changed at any time, and back to on-demand up to four times a day. Not together with `tables.status`,
   * which has its own capacity.
   *
   * @default - on-demand, which handles any load
   */
  readonly statusTableCapacity?: StatusTableCapacity | undefined;

  /**
   * The key that encrypts tables, logs and queues of undelivered events. KMS charges for its use.
   *
   * @default - keys owned by AWS, which are free
   */
  readonly encryptionKey?: IKey | undefined;
}
