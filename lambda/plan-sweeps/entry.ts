/** Composes the `plan-sweeps` function. */

import { sqsClient } from "../shared/clients";
import { requireEnv, requireNumberEnv } from "../shared/environment";
import { planSweepsHandler } from "../plan-sweeps";

export const handler = planSweepsHandler({
  queue: sqsClient(),
  queueUrl: requireEnv("SWEEPS_QUEUE_URL"),
  intervalSeconds: requireNumberEnv("SWEEP_INTERVAL_SECONDS"),
});
