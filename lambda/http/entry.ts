/** Composes the `http` function. */

import { dynamoDbLoginRegistry } from "../authorize/store";
import { dynamoDbEnrolmentStore } from "../enrol/store";
import { dynamoDb, heartbeatTerms, leaseStore } from "../shared/compose";
import { routeMetrics } from "../shared/compose-metrics";
import { optionalEnv, requireEnv } from "../shared/environment";
import { enrolRoutes } from "./enrol";
import { heartbeatRoutes } from "./heartbeat";
import { pingRoutes } from "./ping";
import { router } from "./router";

const log = console;
const metrics = routeMetrics();

const tables = {
  client: dynamoDb,
  registryTableName: requireEnv("REGISTRY_TABLE_NAME"),
  statusTableName: requireEnv("STATUS_TABLE_NAME"),
};

const registry = dynamoDbLoginRegistry(tables);
const leases = leaseStore();

export const handler = router(
  {
    ...heartbeatRoutes({
      registry,
      terms: heartbeatTerms(),
      leases,
      customUrl: optionalEnv("CUSTOM_HTTP_URL"),
      log,
      metrics,
    }),
    ...pingRoutes({ registry, leases, log, metrics }),
    ...enrolRoutes({ enrolments: dynamoDbEnrolmentStore(tables), log, metrics }),
  },
  { log, metrics },
);
