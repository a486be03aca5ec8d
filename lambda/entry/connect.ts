/** Composes the `connect` function. */

import { dynamoDbLoginRegistry } from "../auth/login-registry";
import { connectHandler } from "../connect";
import { LeaseStore } from "../lease/store";
import { dynamoDbClient } from "../shared/clients";
import { requireEnv, requireNumberEnv } from "../shared/environment";

const client = dynamoDbClient();

export const handler = connectHandler({
  registry: dynamoDbLoginRegistry(client, requireEnv("REGISTRY_TABLE_NAME")),
  leases: new LeaseStore({
    client,
    tableName: requireEnv("STATUS_TABLE_NAME"),
    retentionMs: requireNumberEnv("RETENTION_MS"),
  }),
});
