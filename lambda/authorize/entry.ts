/** Composes the `authorize` function. */

import { dynamoDb, heartbeatTerms } from "../shared/compose";
import { functionMetrics } from "../shared/compose-metrics";
import { optionalEnv, requireEnv, requireNumberEnv } from "../shared/environment";
import { FleetCountStore } from "../shared/fleet-size";
import { authorizeHandler } from "./handler";
import { ReconnectAdvice } from "./reconnect-advice";
import { dynamoDbLoginRegistry } from "./store";

const registryTableName = requireEnv("REGISTRY_TABLE_NAME");

export const handler = authorizeHandler({
  registry: dynamoDbLoginRegistry({
    client: dynamoDb,
    registryTableName,
    statusTableName: requireEnv("STATUS_TABLE_NAME"),
  }),
  advice: new ReconnectAdvice({
    fleet: new FleetCountStore(dynamoDb, registryTableName),
    connectsPerSecond: requireNumberEnv("CONNECTS_PER_SECOND"),
    maxWindowMs: requireNumberEnv("MAX_RECONNECT_WINDOW_MS"),
    log: console,
  }),
  terms: heartbeatTerms(),
  customDomainUrl: optionalEnv("CUSTOM_DOMAIN_URL"),
  log: console,
  metrics: functionMetrics(),
});
