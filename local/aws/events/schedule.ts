/**
 * Schedule expressions of rules: `rate(5 minutes)` and `cron(0/15 * * * ? *)`.
 *
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
 */

/** Returns the next time after the given one, in epoch milliseconds. */
export type Schedule = (after: number) => number;

const UNITS: Record<string, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/**
 * @throws Error if the expression is neither a rate nor a cron expression of numbers, ranges, lists
 * and steps
 */
export function parseSchedule(expression: string): Schedule {
  const rate = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression);
  if (rate) {
    const interval = Number(rate[1]) * (UNITS[rate[2] ?? ""] as number);
    return (after) => after + interval;
  }
  const cron = /^cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)$/.exec(expression);
  if (cron) return parseCron(cron.slice(1), expression);
  throw new Error(`Schedule: expected rate(...) or cron(...), got ${expression}`);
}

/**
 * Minute, hour, day of month, month and day of week, numbered as in `Date`. The year must be `*`.
 */
function parseCron(fields: string[], expression: string): Schedule {
  const [minute, hour, day, month, weekday, year] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  if (year !== "*") throw new Error(`Schedule: expected * as the year, got ${expression}`);
  const matches = [
    parseField(minute, 0, 59, expression),
    parseField(hour, 0, 23, expression),
    parseField(day, 1, 31, expression),
    parseField(month, 1, 12, expression),
    parseField(weekday, 1, 7, expression),
  ] as const;
  return (after) => {
    const time = new Date(after - (after % 60_000));
    // Tries every minute of four years, which include a leap year.
    for (let step = 0; step < 4 * 366 * 1440; step++) {
      time.setTime(time.getTime() + 60_000);
      const values = [
        time.getUTCMinutes(),
        time.getUTCHours(),
        time.getUTCDate(),
        time.getUTCMonth() + 1,
        time.getUTCDay() + 1,
      ];
      if (matches.every((holds, index) => holds(values[index] as number))) return time.getTime();
    }
    throw new Error(`Schedule: ${expression} never occurs`);
  };
}

function parseField(field: string, min: number, max: number, expression: string) {
  if (field === "*" || field === "?") return () => true;
  const allowed = new Set<number>();
  for (const part of field.split(",")) {
    const match = /^(\*|\d+)(?:-(\d+))?(?:\/(\d+))?$/.exec(part);
    if (!match) throw new Error(`Schedule: expected numbers, lists and steps, got ${expression}`);
    const from = match[1] === "*" ? min : Number(match[1]);
    const step = Number(match[3] ?? 1);
    const to = Number(match[2] ?? (match[3] === undefined ? from : max));
    if (from < min || to > max || step < 1) {
      throw new Error(`Schedule: expected ${min} to ${max}, got ${part} in ${expression}`);
    }
    for (let value = from; value <= to; value += step) allowed.add(value);
  }
  return (value: number) => allowed.has(value);
}
