/** The props of an `AgentHeartbeat`: what can be set, and what holds where nothing is. */

import type { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { IEventBus } from "aws-cdk-lib/aws-events";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { CustomDomainProps } from "./custom-domain";
import type { ExistingTables } from "./existing-tables";

/** What the deployment grants to agents. */
export interface HeartbeatProps {
  /**
   * Interval for agents that request none.
   *
   * @default Duration.seconds(30)
   */
  readonly defaultInterval?: Duration;

  /**
   * Lease for agents that request none, as a multiple of the interval: 1.5 to 20.
   *
   * @default 3.0
   */
  readonly defaultTimeoutMultiplier?: number;

  /**
   * Shortest interval. An agent that requests less gets this one; the ack contains it.
   *
   * @default Duration.seconds(5)
   */
  readonly minInterval?: Duration;

  /**
   * Longest interval, at most 9 minutes: API Gateway closes a connection that idles for 10.
   *
   * @default Duration.minutes(9)
   */
  readonly maxInterval?: Duration;
}

/** When the service suspects itself rather than its agents. */
export interface SelfPreservationProps {
  /**
   * Share of the agents that are online, from 0.05 to 0.95: if more of them than this have missed a heartbeat, the
   * service suspects that it does not hear them.
   *
   * @default 0.5
   */
  readonly share?: number;

  /**
   * Below this number, silent agents are reported at once.
   *
   * @default 20
   */
  readonly minimum?: number;

  /**
   * How long to withhold offline events, from 1 minute to 1 hour. Told at the first sweep
   * after it, whatever it is by then.
   *
   * @default Duration.minutes(5)
   */
  readonly holdFor?: Duration;
}

/** What the gateway takes before it answers 429. */
export interface ThrottleLimits {
  /** Messages and logins a second: a whole number from 1 to 1,000,000. */
  readonly rateLimit: number;
  /** Messages and logins at once: a whole number from 1 to 1,000,000. */
  readonly burstLimit: number;
}

/** What agents are advised of how to come back once all of them have lost their connections. */
export interface ReconnectProps {
  /**
   * How many new connections a second the account's quota allows, which all its WebSocket APIs in a
   * region share.
   *
   * @default 500
   */
  readonly connectsPerSecond?: number;

  /**
   * The longest reconnect window, at most an hour; zero for none. An agent
   * of a large fleet whose connection the gateway has closed waits half of it on average.
   *
   * @default Duration.hours(1)
   */
  readonly maxWindow?: Duration;
}

/** Routes that can have limits of their own; `$connect` is a login, `$default` a message of no known type. */
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

/** A route of the gateway: logins, a type of message, or messages of no known type. */
export type Route = (typeof ROUTES)[number];

/** What the gateway takes, and of some routes less. */
export interface ThrottlingProps extends ThrottleLimits {
  /**
   * Limits of single routes, each no higher than those of the whole: fewer `publish` and `list`, for one, so that
   * neither takes from heartbeats what an account's APIs share.
   *
   * @default - those of the whole for each route
   */
  readonly routes?: Partial<Record<Route, ThrottleLimits>>;
}

/** Settings of `AgentHeartbeat`. All are optional. */
export interface AgentHeartbeatProps {
  /** @default - 30 s x 3.0, and 5 s to 9 min for agents that ask for another interval */
  readonly heartbeat?: HeartbeatProps;

  /**
   * How often expired leases are stored as offline and published on the event bus: whole minutes, or
   * 10, 12, 15, 20 or 30 seconds. Readers need no sweep: they derive the status from the lease. What each
   * setting costs: `agent-heartbeat cost --sweep-interval 10s`.
   *
   * @default Duration.minutes(5)
   */
  readonly sweepInterval?: Duration;

  /**
   * When very many agents fall silent at once, withhold the events of their going offline for a while: the
   * fault may be the service's own. Their derived status says all the same that no heartbeat has come.
   * False publishes everything at once.
   *
   * @default - more than half of the agents, and at least 20, for 5 minutes
   */
  readonly selfPreservation?: SelfPreservationProps | false;

  /**
   * How long the row of an agent is kept after its last lease, at least an hour.
   *
   * @default Duration.days(7)
   */
  readonly retention?: Duration;

  /**
   * How long the logs of the functions and of the gateway are kept.
   *
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: RetentionDays;

  /**
   * Whether to host the dashboard, in S3 behind CloudFront.
   *
   * @default true
   */
  readonly dashboard?: boolean;

  /**
   * A name of one's own for that page. CloudFront's own address goes on to work beside it.
   *
   * @default - CloudFront's own address
   */
  readonly dashboardDomain?: CustomDomainProps;

  /**
   * How many messages and logins a second the gateway takes, and how many at once, before it answers 429. An
   * account's quota is shared by all its APIs in a region, and by posts to connections: 10,000 and 5,000 in most
   * regions, 2,500 and 1,250 in some. The default fits all of them, and 60,000 agents at a heartbeat in 30 seconds.
   *
   * @default - 2000 a second, 1000 at once
   */
  readonly throttling?: ThrottlingProps;

  /** @default - 500 a second, over an hour at most */
  readonly reconnect?: ReconnectProps;

  /**
   * Whether the gateway logs every message, without its content. The account needs a role for it, set
   * once in the settings of API Gateway, or the deployment fails.
   *
   * @default false
   */
  readonly accessLogs?: boolean;

  /**
   * Whether there are alarms for what an operator must know of, one for each heading of the runbook, at
   * CloudWatch's price of an alarm for each metric that it looks at.
   *
   * @default true
   */
  readonly alarms?: boolean;

  /**
   * Topic that alarms notify.
   *
   * @default - alarms are visible in CloudWatch only
   */
  readonly alarmTopic?: ITopic;

  /**
   * Whether there is a dashboard in CloudWatch, with the fleet, its heartbeats, and what fails. The first three
   * of an account are free, each further one costs 3 USD a month.
   *
   * @default true
   */
  readonly cloudWatchDashboard?: boolean;

  /**
   * Whether X-Ray traces the functions, at extra cost.
   *
   * @default false
   */
  readonly tracing?: boolean;

  /**
   * What happens to the tables when they are removed from the stack. Logs and all else are deleted with it.
   *
   * @default RemovalPolicy.RETAIN - because without the registry every agent must be registered again
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * A name of one's own for the gateway. The API's own address goes on to work beside it.
   *
   * @default - the API's own address, which is another for every deployment
   */
  readonly customDomain?: CustomDomainProps;

  /**
   * A bus that is there already, in the same account and region: `Agent Online` and the like are published there, and
   * `Agent Message` events are taken from it. Deployments that share a bus all take each message.
   *
   * @default - the construct creates a bus
   */
  readonly eventBus?: IEventBus;

  /**
   * Existing tables, for example after a restore.
   *
   * @default - the construct creates all tables
   */
  readonly tables?: ExistingTables;

  /**
   * The key that encrypts tables, logs, and what could not be delivered, at the price of KMS.
   *
   * @default - keys that AWS owns, at no price
   */
  readonly encryptionKey?: IKey;
}
