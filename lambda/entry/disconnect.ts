/** Composes the `disconnect` function. */

import { disconnectHandler } from "../disconnect";
import { LeaseStore } from "../lease/store";
import { dynamoDbClient } from "../shared/clients";
import { requireEnv, requireNumberEnv } from "../shared/environment";

export const handler = disconnectHandler({
  leases: new LeaseStore({
    client: dynamoDbClient(),
    tableName: requireEnv("STATUS_TABLE_NAME"),
    retentionMs: requireNumberEnv("RETENTION_MS"),
  }),
});
