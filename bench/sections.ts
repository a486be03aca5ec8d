/** All benchmarks, in the order of the report. */

import { lambda } from "./lambda/section";
import type { Section } from "./section";

export const SECTIONS: readonly Section[] = [lambda as Section];
