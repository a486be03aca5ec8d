/** All benchmarks, in the order of the report. */

import { billingUnits } from "./billing-units/section";
import { client } from "./client/section";
import { detection } from "./detection/section";
import { isolation } from "./isolation/section";
import { lambda } from "./lambda/section";
import type { Section } from "./section";
import { storm } from "./storm/section";
import { sweepAtScale } from "./sweep/section";
import { throughput } from "./throughput/section";

export const SECTIONS = [
  billingUnits,
  isolation,
  lambda,
  detection,
  throughput,
  sweepAtScale,
  storm,
  client,
] as readonly Section[];
