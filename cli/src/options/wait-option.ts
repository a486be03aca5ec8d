/** The options `--wait` and `--timeout` of commands that send a message. */

import type { Command } from "commander";
import type { DeploymentOptions } from "../deployment/deployment";
import { usageError } from "../failure";
import { durationOption } from "./duration-option";

export interface WaitOptions extends DeploymentOptions {
  wait?: boolean;
  timeout?: number;
}

const DEFAULT_MS = 30_000;
const LONGEST_MS = 24 * 60 * 60_000;

/** Adds the options for an answer. */
export const withWaiting = (command: Command): Command =>
  command
    .option("--wait", "wait for the answer, and print it")
    .addOption(durationOption("--timeout <duration>", "how long to wait (default: 30s)"));

/**
 * How long to wait for an answer, in milliseconds; undefined if nobody waits.
 *
 * @throws CliError if the options contradict each other, or it is too long
 */
export function waitOf({ wait, timeout }: WaitOptions): number | undefined {
  if (!wait && timeout !== undefined) throw usageError("--timeout needs --wait.");
  if (!wait) return undefined;
  if (timeout !== undefined && (timeout < 1000 || timeout > LONGEST_MS)) {
    throw usageError("--timeout: expected 1s to 24h.");
  }
  return timeout ?? DEFAULT_MS;
}
