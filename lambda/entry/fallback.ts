/** Composes the `fallback` function. */

import { fallbackHandler } from "../fallback";
import { functionMetrics } from "../shared/metrics";

export const handler = fallbackHandler({ log: console, metrics: functionMetrics() });
