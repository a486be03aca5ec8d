/** The worker's program, as contained in the published package. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Beside the bundle. */
export const workerSource = (): string => readFileSync(join(__dirname, "worker.cjs"), "utf8");
