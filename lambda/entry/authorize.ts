/** Composes the `authorize` function. */

import { dynamoDbLoginRegistry } from "../auth/login-registry";
import { authorizeHandler } from "../authorize";
import { requireEnv, requireNumberEnv } from "../shared/environment";
import { functionMetrics } from "../shared/metrics";
import { dynamoDb } from "./compose";

export const handler = authorizeHandler({
  registry: dynamoDbLoginRegistry(dynamoDb, requireEnv("REGISTRY_TABLE_NAME")),
  terms: {
    defaultIntervalMs: requireNumberEnv("DEFAULT_HEARTBEAT_INTERVAL_MS"),
    defaultTimeoutMultiplier: requireNumberEnv("DEFAULT_HEARTBEAT_TIMEOUT_MULTIPLIER"),
    minIntervalMs: requireNumberEnv("MIN_HEARTBEAT_INTERVAL_MS"),
    maxIntervalMs: requireNumberEnv("MAX_HEARTBEAT_INTERVAL_MS"),
  },
  log: console,
  metrics: functionMetrics(),
});
