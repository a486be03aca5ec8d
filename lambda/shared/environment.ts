/** Reads a function's environment. A missing variable stops the function when it starts. */

import type { EnvironmentVariable } from "../../core/environment";

/**
 * The value of an environment variable.
 *
 * @throws Error naming the variable if it is missing or empty.
 */
export function requireEnv(
  name: EnvironmentVariable,
  environment: NodeJS.ProcessEnv = process.env,
): string {
  const value = environment[name];
  if (!value) throw new Error(`environment variable ${name} is missing`);
  return value;
}

/** The value of an environment variable; undefined if it is missing or empty. */
export const optionalEnv = (
  name: EnvironmentVariable,
  environment: NodeJS.ProcessEnv = process.env,
) => environment[name] || undefined;

/**
 * The value of an environment variable as a number.
 *
 * @throws Error naming the variable if it is missing or not a finite number.
 */
export function requireNumberEnv(
  name: EnvironmentVariable,
  environment?: NodeJS.ProcessEnv,
): number {
  const text = requireEnv(name, environment);
  const value = Number(text);
  if (!Number.isFinite(value)) {
    throw new Error(`environment variable ${name} must be a number, got "${text}"`);
  }
  return value;
}
