/** Checks of props against their limits. */

import { Duration, Token } from "aws-cdk-lib";

/** With every default filled in. */
export type Complete<T> = { [K in keyof T]-?: Exclude<T[K], undefined> };

/** @throws Error naming the prop, unless its value is a whole number within the limits, or known only when deploying */
export function expectLimit(name: string, value: number, max: number, min = 1): void {
  if (
    Token.isUnresolved(value) ||
    (Number.isInteger(value) &&
      (Token.isUnresolved(min) || value >= min) &&
      (Token.isUnresolved(max) || value <= max))
  )
    return;
  throw new Error(`${name}: expected a whole number from ${min} to ${max}, got ${value}`);
}

/** @throws Error naming the prop, unless its value is within the limits, in seconds */
export function expectDuration(name: string, value: Duration, min: number, max: number): void {
  const seconds = value.toSeconds({ integral: false });
  if (seconds >= min && seconds <= max) return;
  const [from, to] = [Duration.seconds(min), Duration.seconds(max)];
  throw new Error(
    `${name}: expected ${from.toHumanString()} to ${to.toHumanString()}, got ${value.toHumanString()}`,
  );
}

/** The properties that have a value. An explicit undefined means the default. */
export function defined<T extends object>(props: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(props).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
