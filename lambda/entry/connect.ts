/** Composes the `connect` function. */

import { dynamoDbLoginRegistry } from "../auth/login-registry";
import { connectHandler } from "../connect";
import { requireEnv } from "../shared/environment";
import { dynamoDb, leaseStore } from "./compose";

export const handler = connectHandler({
  registry: dynamoDbLoginRegistry(dynamoDb, requireEnv("REGISTRY_TABLE_NAME")),
  leases: leaseStore(),
});
