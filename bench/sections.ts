/** All benchmarks, in the order of the report. */

import { billingUnits } from "./billing-units/section";
import { detection } from "./detection/section";
import { lambda } from "./lambda/section";
import type { Section } from "./section";
import { throughput } from "./throughput/section";

export const SECTIONS = [billingUnits, lambda, detection, throughput] as readonly Section[];
