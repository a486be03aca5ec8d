/** The options of a job with a ping URL. */

import type { JobTerms } from "@agent-heartbeat/sdk/registry";
import { type Command, Option } from "commander";
import { usageError } from "../failure";
import { durationOption } from "./duration-option";

export interface PingOptions {
  ping?: true;
  every?: number;
  cron?: string;
  timezone?: string;
  grace?: number;
  maxRun?: number;
}

const NAMES = ["every", "cron", "timezone", "grace", "maxRun"] as const;

/** A tenth of the time between two pings, and not less; of a cron schedule, ten minutes. */
const GRACE = { share: 0.1, leastMs: 10_000, ofCronMs: 600_000 };

export function addPingOptions(command: Command): Command {
  return command
    .option("--ping", "register a job with a ping URL instead of a key; needs --every or --cron")
    .addOption(durationOption("--every <duration>", "the longest time between two pings"))
    .addOption(
      new Option("--cron <fields>", "when the job runs: minute, hour, day, month and weekday"),
    )
    .option("--timezone <name>", "the time zone of --cron (default: UTC)")
    .addOption(
      durationOption(
        "--grace <duration>",
        "how late a ping may be (default: a tenth of --every, or 10m)",
      ),
    )
    .addOption(durationOption("--max-run <duration>", "how long a run may take"));
}

/** The terms of a job; undefined for any other agent. @throws CliError if options do not go together */
export function jobOf(options: PingOptions): JobTerms | undefined {
  const given = NAMES.filter((name) => options[name] !== undefined);
  if (!options.ping) {
    if (given.length === 0) return undefined;
    throw usageError(`--${flagOf(given[0])} is for jobs: add --ping.`);
  }
  const { every, cron, timezone, maxRun } = options;
  if ((every === undefined) === (cron === undefined)) {
    throw usageError("--ping: expected either --every or --cron.");
  }
  const { share, leastMs, ofCronMs } = GRACE;
  const graceMs =
    options.grace ??
    (every === undefined ? ofCronMs : Math.max(leastMs, Math.round(every * share)));
  return {
    ...(every !== undefined && { everyMs: Math.round(every) }),
    ...(cron !== undefined && { cron }),
    ...(timezone !== undefined && { timezone }),
    graceMs: Math.round(graceMs),
    ...(maxRun !== undefined && { maxRunMs: Math.round(maxRun) }),
  };
}

const flagOf = (name: string | undefined) => (name === "maxRun" ? "max-run" : name);
