/** Says once in a process that `SimpleAgent` is not for production. */

import type { Logger } from "./options";

let warned = false;

export function warnOfSimpleAgent(logger: Logger): void {
  if (warned) return;
  warned = true;
  logger.warn("SimpleAgent is for development");
}
