/** What functions are composed of that count: metrics under the name of their deployment. */

import { requireEnv } from "./environment";
import { countsOf, metricsOf } from "./metrics";

export const functionMetrics = () => metricsOf(requireEnv("DEPLOYMENT"));

/** As `functionMetrics`, for counts under a further dimension. */
export const functionCounts = () => countsOf(requireEnv("DEPLOYMENT"));
