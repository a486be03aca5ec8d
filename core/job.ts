/** Jobs: cron jobs and scripts that report their runs by requesting a URL, and when the next request is due. */

import { Cron } from "croner";
import { type Names, unknownName } from "./unknown-names";

/** When a job's pings are due. */
export interface JobTerms {
  /** The longest time between two pings, in milliseconds: 10 seconds to 31 days. Or `cron`. */
  everyMs?: number;
  /** When it runs, in the five fields of cron. Or `everyMs`. */
  cron?: string;
  /** The time zone of `cron`, such as `Europe/Berlin`. @default UTC */
  timezone?: string;
  /** How late a ping may be, in milliseconds. */
  graceMs: number;
  /** How long a run may take after its start was reported, in milliseconds, before its work counts as stalled. */
  maxRunMs?: number;
}

const NAMES: Names<JobTerms> = {
  everyMs: true,
  cron: true,
  timezone: true,
  graceMs: true,
  maxRunMs: true,
};

const SECOND = 1000;
const DAY = 24 * 60 * 60 * SECOND;

/** Bounds of the durations of a job, in milliseconds. */
const BOUNDS = {
  everyMs: { least: 10 * SECOND, most: 31 * DAY },
  graceMs: { least: SECOND, most: 31 * DAY },
  maxRunMs: { least: SECOND, most: 31 * DAY },
} as const;

/** A schedule's gaps are looked at for as many runs: a year of monthly ones, and changes to and from summer time. */
const RUNS_CHECKED = 13;
/** A month that begins before a change to winter time. */
const LONGEST_GAP_MS = 31 * DAY + DAY / 24;
/** How much too early a ping may come for the run that it stands for: clocks differ. */
const EARLY_MS = 60 * SECOND;

/**
 * What is wrong with a job's terms, in words; undefined if nothing.
 *
 * @param now epoch milliseconds
 */
export function jobFault(terms: JobTerms, now: number): string | undefined {
  if (typeof terms !== "object" || terms === null) return "job: expected an object with its terms";
  const unknown = unknownName(terms, NAMES);
  if (unknown) return `job: ${unknown}`;
  const { everyMs, cron, timezone } = terms;
  for (const [name, text] of Object.entries({ cron, timezone })) {
    if (text !== undefined && typeof text !== "string") {
      return `${name}: expected a text, got ${JSON.stringify(text)}`;
    }
  }
  if ((everyMs === undefined) === (cron === undefined)) {
    return "job: expected either everyMs or cron";
  }
  if (timezone !== undefined && cron === undefined) return "timezone: expected cron with it";
  for (const [name, { least, most }] of Object.entries(BOUNDS)) {
    const value = terms[name as keyof typeof BOUNDS];
    if (value === undefined && name !== "graceMs") continue;
    if (!Number.isInteger(value) || Number(value) < least || Number(value) > most) {
      return `${name}: expected milliseconds from ${least} to ${most}, got ${value}`;
    }
  }
  return cron === undefined ? undefined : cronFault(cron, timezone, now);
}

function cronFault(cron: string, timezone: string | undefined, now: number): string | undefined {
  if (cron.trim().split(/\s+/).length !== 5) {
    return `cron: expected the five fields minute, hour, day, month and weekday, got ${JSON.stringify(cron)}`;
  }
  let at = now;
  try {
    for (let run = 0; run < RUNS_CHECKED; run++) {
      const next = nextRun(cron, timezone, at);
      if (next === undefined) return `cron: expected runs to come, got none of ${cron}`;
      if (run > 0 && next - at > LONGEST_GAP_MS) {
        return `cron: expected at most 31 days between two runs, got more from ${cron}`;
      }
      at = next;
    }
  } catch (error) {
    return `cron: ${(error as Error).message.replace(/^CronPattern: /, "")}`;
  }
}

const nextRun = (cron: string, timezone = "UTC", after: number): number | undefined =>
  new Cron(cron, { timezone, mode: "5-part" }).nextRun(new Date(after))?.getTime();

/** When the next ping is due, in epoch milliseconds, without the grace. @param now when the last one came */
export function nextDue({ everyMs, cron, timezone, graceMs }: JobTerms, now: number): number {
  if (cron === undefined) return now + (everyMs ?? 0);
  const next = nextRun(cron, timezone, now) ?? now + BOUNDS.everyMs.most;
  // Shortly before a run, it is that run which has come.
  if (next - now > Math.min(EARLY_MS, graceMs)) return next;
  const after = nextRun(cron, timezone, next);
  return after !== undefined && next - now < (after - next) / 2 ? after : next;
}
