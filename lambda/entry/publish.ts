/** Composes the `publish` function. */

import { randomUUID } from "node:crypto";
import { publishHandler } from "../publish";
import { functionMetrics } from "../shared/metrics";
import { postOffice, stageConnections } from "./compose";

export const handler = publishHandler({
  postOffice: postOffice(stageConnections()),
  newId: randomUUID,
  log: console,
  metrics: functionMetrics(),
});
