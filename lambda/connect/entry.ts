/** Composes the `connect` function. */

import { dynamoDbLoginRegistry } from "../authorize/store";
import { dynamoDb, leaseStore } from "../shared/compose";
import { requireEnv } from "../shared/environment";
import { connectHandler } from "./handler";

export const handler = connectHandler({
  registry: dynamoDbLoginRegistry(dynamoDb, requireEnv("REGISTRY_TABLE_NAME")),
  leases: leaseStore(),
});
