/** Every scenario, by level. */

import { FLEET } from "./fleet";
import { HTTP } from "./http";
import { MESSAGES } from "./messages";
import { PRESENCE } from "./presence";
import { REQUESTS } from "./requests";
import { ROTATION } from "./rotation";
import type { Scenario } from "./trial";

export const SCENARIOS: readonly Scenario[] = [
  ...PRESENCE,
  ...MESSAGES,
  ...REQUESTS,
  ...ROTATION,
  ...FLEET,
  ...HTTP,
];
