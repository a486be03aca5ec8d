/** Composes the `deliver` function. */

import { deliverHandler } from "../deliver";
import { postOffice, stageConnections } from "./compose";
import { functionMetrics } from "./metrics";

export const handler = deliverHandler({
  postOffice: postOffice(stageConnections()),
  clock: Date.now,
  log: console,
  metrics: functionMetrics(),
});
