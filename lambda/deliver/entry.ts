/** Composes the `deliver` function. */

import { messageRouter, stageConnections } from "../shared/compose";
import { functionMetrics } from "../shared/compose-metrics";
import { deliverHandler } from "./handler";

export const handler = deliverHandler({
  messageRouter: messageRouter(stageConnections()),
  clock: Date.now,
  log: console,
  metrics: functionMetrics(),
});
