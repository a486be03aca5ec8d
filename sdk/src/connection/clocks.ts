/** Several clocks read together, of which none is right at all times. */

import type { Runtime } from "../platform/runtime";

/**
 * The monotonic clock; the one that runs on in sleep, or the monotonic one where that is missing; and the one that may have been
 * set where that is missing.
 */
export type Clocks = [monotonic: number, boottime: number, doubtful: number];

/** How the clocks of a runtime stand, all in milliseconds. */
export function readClocks(runtime: Pick<Runtime, "now" | "monotonic" | "boottime">): Clocks {
  const now = runtime.monotonic();
  const boot = runtime.boottime?.();
  return [now, boot ?? now, boot ?? runtime.now()];
}

/** What has passed since, by each of the clocks. */
export const passedSince = (
  runtime: Pick<Runtime, "now" | "monotonic" | "boottime">,
  then: Clocks,
): Clocks => readClocks(runtime).map((time, n) => time - (then[n] as number)) as Clocks;
