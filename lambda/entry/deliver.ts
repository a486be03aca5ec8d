/** Composes the `deliver` function. */

import { deliverHandler } from "../deliver";
import { functionMetrics } from "../shared/metrics";
import { postOffice, stageConnections } from "./compose";

export const handler = deliverHandler({
  postOffice: postOffice(stageConnections()),
  clock: Date.now,
  log: console,
  metrics: functionMetrics(),
});
