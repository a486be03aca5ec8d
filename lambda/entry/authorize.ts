/** Composes the `authorize` function. */

import { dynamoDbLoginRegistry } from "../auth/login-registry";
import { ReconnectAdvice } from "../auth/reconnect-advice";
import { authorizeHandler } from "../authorize";
import { FleetCountStore } from "../lease/fleet-count";
import { optionalEnv, requireEnv, requireNumberEnv } from "../shared/environment";
import { dynamoDb } from "./compose";
import { functionMetrics } from "./metrics";

const registryTableName = requireEnv("REGISTRY_TABLE_NAME");

export const handler = authorizeHandler({
  registry: dynamoDbLoginRegistry(dynamoDb, registryTableName),
  advice: new ReconnectAdvice({
    fleet: new FleetCountStore(dynamoDb, registryTableName),
    connectsPerSecond: requireNumberEnv("CONNECTS_PER_SECOND"),
    maxWindowMs: requireNumberEnv("MAX_RECONNECT_WINDOW_MS"),
    log: console,
  }),
  terms: {
    defaultIntervalMs: requireNumberEnv("DEFAULT_HEARTBEAT_INTERVAL_MS"),
    defaultTimeoutMultiplier: requireNumberEnv("DEFAULT_HEARTBEAT_TIMEOUT_MULTIPLIER"),
    minIntervalMs: requireNumberEnv("MIN_HEARTBEAT_INTERVAL_MS"),
    maxIntervalMs: requireNumberEnv("MAX_HEARTBEAT_INTERVAL_MS"),
  },
  customDomainUrl: optionalEnv("CUSTOM_DOMAIN_URL"),
  log: console,
  metrics: functionMetrics(),
});
