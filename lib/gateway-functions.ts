/** The functions behind the gateway, as a table: route, permissions on tables, and environment. */

import type { FunctionEnvironment } from "../core/environment";
import { urlOf } from "./custom-domain";
import type { Settings } from "./settings";
import type { TableAccess } from "./storage";
import type { Route } from "./throttling-props";

export interface GatewayFunction {
  /** Undefined for the authorizer. */
  readonly route?: Route | "$disconnect";
  readonly description: string;
  /** Allowed operations by table. The function's environment contains the names of these tables. */
  readonly tables: TableAccess;
  /** Further environment variables. */
  readonly environment?: (settings: Settings) => FunctionEnvironment;
}

/** Messages other than heartbeats are first checked against the sender's row. */
const CHECK_SENDER = ["GetItem"] as const;

/** Finds the receivers of a message (subscribers, or one agent), and removes subscriptions of connections that are gone. */
export const DELIVERY = {
  subscriptions: ["Query", "BatchWriteItem"],
  subscriptionsByConnection: ["Query"],
  status: ["GetItem"],
} as const satisfies TableAccess;

/** Messages that cost more than a heartbeat are counted beside the subscriptions. */
const COUNTED = { subscriptions: ["UpdateItem"] } as const;

/** By their folders in `lambda`, in the order in which they are added to the API. */
export const GATEWAY_FUNCTIONS = {
  authorize: {
    description: "Checks login tokens",
    tables: { status: ["GetItem"], registry: ["GetItem", "Query", "PutItem", "UpdateItem"] },
    environment: loginEnvironment,
  },
  connect: {
    route: "$connect",
    description: "Acquires an agent's lease",
    tables: {
      status: ["UpdateItem", "GetItem"],
      registry: ["GetItem"],
      subscriptions: ["PutItem", "BatchWriteItem"],
    },
    environment: leaseEnvironment,
  },
  heartbeat: {
    route: "heartbeat",
    description: "Renews an agent's lease",
    tables: { status: ["UpdateItem"] },
    environment: leaseEnvironment,
  },
  disconnect: {
    route: "$disconnect",
    description: "Releases an agent's lease",
    tables: {
      status: ["UpdateItem"],
      subscriptions: ["BatchWriteItem"],
      subscriptionsByConnection: ["Query"],
    },
    environment: leaseEnvironment,
  },
  profile: {
    route: "profile",
    description: "Stores an agent's profile",
    tables: {
      status: CHECK_SENDER,
      registry: ["UpdateItem"],
      subscriptions: ["UpdateItem", "BatchWriteItem"],
    },
  },
  subscribe: {
    route: "subscribe",
    description: "Adds a subscription",
    tables: {
      status: CHECK_SENDER,
      subscriptions: ["PutItem", "DeleteItem", "UpdateItem"],
      subscriptionsByOwner: ["Query"],
    },
  },
  unsubscribe: {
    route: "unsubscribe",
    description: "Removes a subscription",
    tables: { subscriptions: ["DeleteItem", "UpdateItem"] },
  },
  publish: {
    route: "publish",
    description: "Delivers a message within an organization",
    tables: {
      ...DELIVERY,
      subscriptions: [...DELIVERY.subscriptions, "UpdateItem", "PutItem", "DeleteItem"],
    },
  },
  list: {
    route: "list",
    description: "Lists agents with their status",
    tables: {
      status: ["Query", ...CHECK_SENDER],
      registry: ["GetItem", "BatchGetItem"],
      ...COUNTED,
    },
  },
  history: {
    route: "history",
    description: "Lists the recent transitions of an agent",
    tables: { status: CHECK_SENDER, registry: ["Query"], ...COUNTED },
  },
  fallback: {
    route: "$default",
    description: "Answers messages of unknown types",
    tables: {},
  },
} as const satisfies Record<string, GatewayFunction>;

export type GatewayFunctionName = keyof typeof GATEWAY_FUNCTIONS;

/** The routes of messages: all but `$connect` and `$disconnect`. */
export const MESSAGE_ROUTES = (Object.keys(GATEWAY_FUNCTIONS) as GatewayFunctionName[]).flatMap(
  (name) => {
    const { route }: GatewayFunction = GATEWAY_FUNCTIONS[name];
    const isMessage = route !== undefined && route !== "$connect" && route !== "$disconnect";
    return isMessage ? [{ name, route }] : [];
  },
);

/** The environment of every function that writes leases. */
export function leaseEnvironment({ retention }: Pick<Settings, "retention">): FunctionEnvironment {
  return { RETENTION_MS: String(retention.toMilliseconds()) };
}

/** The environment of every function that accepts login tokens. */
export const termsEnvironment = ({ heartbeat }: Pick<Settings, "heartbeat">) =>
  ({
    DEFAULT_HEARTBEAT_INTERVAL_MS: String(heartbeat.defaultInterval.toMilliseconds()),
    DEFAULT_HEARTBEAT_TIMEOUT_MULTIPLIER: String(heartbeat.defaultTimeoutMultiplier),
    MIN_HEARTBEAT_INTERVAL_MS: String(heartbeat.minInterval.toMilliseconds()),
    MAX_HEARTBEAT_INTERVAL_MS: String(heartbeat.maxInterval.toMilliseconds()),
  }) satisfies FunctionEnvironment;

function loginEnvironment(settings: Settings): FunctionEnvironment {
  const { reconnect, customDomain } = settings;
  const environment: FunctionEnvironment = {
    ...termsEnvironment(settings),
    CONNECTS_PER_SECOND: String(reconnect.connectsPerSecond),
    MAX_RECONNECT_WINDOW_MS: String(reconnect.maxWindow.toMilliseconds()),
  };
  if (customDomain) environment.CUSTOM_DOMAIN_URL = urlOf(customDomain);
  return environment;
}
