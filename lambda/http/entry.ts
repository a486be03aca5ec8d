/** Composes the `http` function. */

import { dynamoDbLoginRegistry } from "../authorize/store";
import { dynamoDb, heartbeatTerms, leaseStore } from "../shared/compose";
import { routeMetrics } from "../shared/compose-metrics";
import { optionalEnv, requireEnv } from "../shared/environment";
import { heartbeatRoutes } from "./heartbeat";
import { router } from "./router";

const log = console;
const metrics = routeMetrics();

export const handler = router(
  heartbeatRoutes({
    registry: dynamoDbLoginRegistry(dynamoDb, requireEnv("REGISTRY_TABLE_NAME")),
    terms: heartbeatTerms(),
    leases: leaseStore(),
    customUrl: optionalEnv("CUSTOM_HTTP_URL"),
    log,
    metrics,
  }),
  { log, metrics },
);
