/** Every scenario, by level. */

import { FLEET } from "./fleet";
import { HTTP } from "./http";
import { MESSAGES } from "./messages";
import { PRESENCE } from "./presence";
import { ROTATION } from "./rotation";
import type { Scenario } from "./trial";

export const SCENARIOS: readonly Scenario[] = [
  ...PRESENCE,
  ...MESSAGES,
  ...ROTATION,
  ...FLEET,
  ...HTTP,
];
