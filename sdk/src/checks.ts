/** Checks of what an application passes in, each with a sentence that names the option. */

import { ID_FORM, ID_PATTERN } from "../../core/agent-id";
import { ConfigurationError } from "./errors";
import { show } from "./user-code";

export function invalid(name: string, expected: string, got: unknown): ConfigurationError {
  return new ConfigurationError(`option ${name}: expected ${expected}, got ${show(got)}`);
}

/** @throws ConfigurationError if the value is no number within its limits. */
export function within(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === "number" && value >= min && value <= max) return value;
  throw invalid(name, `a number from ${min} to ${max}`, value);
}

/** @throws ConfigurationError if the value is no whole number within its limits. */
export function whole(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === "number" && !Number.isInteger(value)) {
    throw invalid(name, "a whole number", value);
  }
  return within(name, value, min, max);
}

/**
 * A number of seconds, in milliseconds.
 *
 * @throws ConfigurationError if the value is no number within its limits.
 */
export const millis = (name: string, seconds: unknown, min: number, max: number) =>
  Math.round(within(name, seconds, min, max) * 1000);

/** @throws ConfigurationError if the value is no id. */
export function checkId(name: string, value: unknown): void {
  if (typeof value === "string" && ID_PATTERN.test(value)) return;
  throw invalid(name, ID_FORM, value);
}
