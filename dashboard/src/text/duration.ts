/** Short display texts for durations and times. */

const UNITS = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
] as const;

/** For example `42 s`, `3 min`, `5 h` or `2 d`: rounded down to whole units, never negative. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  for (const [unit, length] of UNITS) {
    if (seconds >= 2 * length) return `${Math.floor(seconds / length)} ${unit}`;
  }
  return `${seconds} s`;
}

/** For example `0:07`, `1:18` or `2:05:00`. */
export function countdownText(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const padded = (value: number) => String(value).padStart(2, "0");
  return h > 0 ? `${h}:${padded(m)}:${padded(s)}` : `${m}:${padded(s)}`;
}

/** The time of day, preceded by the date unless that is today. */
export function timeText(at: number, now: number): string {
  const [date, today] = [new Date(at), new Date(now)];
  const time = date.toTimeString().slice(0, 8);
  return date.toDateString() === today.toDateString() ? time : `${dateText(date)} ${time}`;
}

const dateText = (date: Date) =>
  [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");
