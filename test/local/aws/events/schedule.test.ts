import { describe, expect, it } from "@jest/globals";
import { parseSchedule } from "../../../../local/aws/events/schedule";

const at = (text: string) => Date.parse(text);

describe("a schedule", () => {
  it.each([
    ["rate(5 minutes)", "2026-01-01T00:05:30Z"],
    ["rate(1 hour)", "2026-01-01T01:00:30Z"],
    ["rate(2 days)", "2026-01-03T00:00:30Z"],
    ["cron(0/15 * * * ? *)", "2026-01-01T00:15:00Z"],
    ["cron(30 8 ? * 2-6 *)", "2026-01-01T08:30:00Z"],
    ["cron(0 0 1,15 * ? *)", "2026-01-15T00:00:00Z"],
  ])("%s next occurs at %s", (expression, expected) => {
    const next = parseSchedule(expression)(at("2026-01-01T00:00:30Z"));
    expect(new Date(next).toISOString()).toBe(new Date(expected).toISOString());
  });

  it.each(["every day", "rate(5 weeks)", "cron(0 0 * * ? 2026)", "cron(0 25 * * ? *)"])(
    "%s is refused with the expected form",
    (expression) => {
      expect(() => parseSchedule(expression)).toThrow(/^Schedule: expected .*, got /);
    },
  );
});
