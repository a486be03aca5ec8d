/** Durations and moments as a person says them. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `12 s`, `1:18`, `3 h 20 min`, `4 days`: never negative, never more exact than it is worth. */
export function duration(ms: number): string {
  const rest = Math.max(0, ms);
  if (rest < MINUTE) return `${Math.floor(rest / SECOND)} s`;
  if (rest < HOUR) {
    return `${Math.floor(rest / MINUTE)}:${two(Math.floor((rest % MINUTE) / SECOND))}`;
  }
  if (rest < DAY) return `${Math.floor(rest / HOUR)} h ${Math.floor((rest % HOUR) / MINUTE)} min`;
  const days = Math.floor(rest / DAY);
  return days === 1 ? "1 day" : `${days} days`;
}

/** `12 s ago` for a moment that has passed, `in 1:18` for one to come. */
export function relative(at: number, now: number): string {
  // Rounded up, so that a countdown shows 1 s until it is over.
  if (at > now) return `in ${duration(Math.ceil((at - now) / SECOND) * SECOND)}`;
  return ago(at, now);
}

/** `12 s ago`, also where clocks differ by so little that the moment seems to come yet. */
export function ago(at: number, now: number): string {
  return `${duration(now - at)} ago`;
}

/** `2026-11-24 18:20:05 UTC` */
export function moment(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

const UNITS: Readonly<Record<string, number>> = {
  "": SECOND,
  s: SECOND,
  m: MINUTE,
  h: HOUR,
  d: DAY,
};

/** Milliseconds of `20s`, `5m`, `1h`, `30d`, or seconds without a unit; undefined for any other text. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s*([smhd]?)$/.exec(text.trim()) ?? [];
  return number === undefined ? undefined : Number(number) * (UNITS[unit] ?? SECOND);
}
