/** Metrics for the functions that publish them, with the deployment from the environment. */

import { requireEnv } from "./environment";
import { countsOf, metricsOf } from "./metrics";

export const functionMetrics = () => metricsOf(requireEnv("DEPLOYMENT"));

/** Counts with an additional dimension. */
export const functionCounts = () => countsOf(requireEnv("DEPLOYMENT"));
