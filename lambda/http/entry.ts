/** Composes the `http` function. */

import { dynamoDbLoginRegistry } from "../authorize/store";
import { dynamoDbEnrolmentStore } from "../enrol/store";
import { askSts } from "../enrol/sts";
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

const customUrl = optionalEnv("CUSTOM_HTTP_URL");
const registry = dynamoDbLoginRegistry(tables);
const leases = leaseStore();

export const handler = router(
  {
    ...heartbeatRoutes({
      registry,
      terms: heartbeatTerms(),
      leases,
      customUrl,
      log,
      metrics,
    }),
    ...pingRoutes({ registry, leases, log, metrics }),
    ...enrolRoutes({
      enrolments: dynamoDbEnrolmentStore(tables),
      // The template never sets it; a local runtime may.
      ask: askSts({ endpoint: optionalEnv("AWS_ENDPOINT_URL_STS") }),
      customUrl,
      log,
      metrics,
    }),
  },
  { log, metrics },
);
