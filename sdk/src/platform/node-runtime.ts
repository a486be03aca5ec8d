/** The surroundings of a client in Node.js, in the main thread and in others. */

import { uptime } from "node:os";
import { nodeSockets } from "./node-socket";
import type { Runtime } from "./runtime";

/** Some sandboxes keep it to themselves. */
function hasUptime(): boolean {
  try {
    return uptime() > 0;
  } catch {
    return false;
  }
}

export const nodeRuntime: Runtime = {
  now: () => Date.now(),
  // Not performance.now(), whose origin differs from thread to thread.
  monotonic: () => Number(process.hrtime.bigint() / 1000n) / 1000,
  ...(hasUptime() && { boottime: () => uptime() * 1000 }),
  random: () => Math.random(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  openSocket: nodeSockets(),
};
