/** Composes the `publish` function. */

import { randomUUID } from "node:crypto";
import { publishHandler } from "../publish";
import { postOffice, stageConnections } from "./compose";
import { functionMetrics } from "./metrics";

const connections = stageConnections();

export const handler = publishHandler({
  postOffice: postOffice(connections),
  connections,
  newId: randomUUID,
  log: console,
  metrics: functionMetrics(),
});
