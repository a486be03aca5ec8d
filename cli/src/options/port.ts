/** A port in the arguments of a command. */

import { InvalidArgumentError } from "commander";

/** @throws InvalidArgumentError if it is not a port; 0 means any free one */
export function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError("Expected a number from 0 to 65535.");
}
