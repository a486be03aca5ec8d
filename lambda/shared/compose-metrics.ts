/** Metrics for the functions that publish them, with the deployment from the environment. */

import { ALL_ROUTES } from "../../core/names";
import { requireEnv } from "./environment";
import { countsOf, metricsOf } from "./metrics";

/** Of a message route, counted for all of them together too: an alarm on their sum is billed as one metric. */
export const routeMetrics = () => metricsOf(requireEnv("DEPLOYMENT"), ALL_ROUTES);

export const functionMetrics = () => metricsOf(requireEnv("DEPLOYMENT"));

/** Counts with an additional dimension. */
export const functionCounts = () => countsOf(requireEnv("DEPLOYMENT"));
