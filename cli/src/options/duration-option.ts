/** Options that are durations. */

import { InvalidArgumentError, Option } from "commander";
import { parseDuration } from "../terminal/durations";

/** An option whose value is milliseconds. */
export const durationOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((text) => {
    const ms = parseDuration(text);
    if (ms !== undefined) return ms;
    throw new InvalidArgumentError("Expected a duration, such as 20s, 5m, 1h or 30d.");
  });
