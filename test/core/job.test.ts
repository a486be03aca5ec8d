import { describe, expect, it } from "@jest/globals";
import { type JobTerms, jobFault, nextDue } from "../../core/job";
import { newPingSecret, pingKey, readPingSecret } from "../../core/ping-secret";

const at = (text: string) => Date.parse(text);
const NOW = at("2026-11-24T12:00:00Z");
const MINUTE = 60_000;
const terms = (given: Partial<JobTerms>): JobTerms => ({ graceMs: 10 * MINUTE, ...given });

describe("a job's next ping is due", () => {
  const due = (given: Partial<JobTerms>, now: string) =>
    new Date(nextDue(terms(given), at(now))).toISOString();

  it("after its period", () => {
    expect(due({ everyMs: 3_600_000 }, "2026-11-24T12:00:00Z")).toBe("2026-11-24T13:00:00.000Z");
  });

  it("at the next run of its schedule, in its time zone", () => {
    const cron = "0 3 * * *";
    expect(due({ cron }, "2026-11-24T12:00:00Z")).toBe("2026-11-25T03:00:00.000Z");
    const berlin = { cron, timezone: "Europe/Berlin" };
    expect(due(berlin, "2026-11-24T12:00:00Z")).toBe("2026-11-25T02:00:00.000Z");
    expect(due(berlin, "2026-07-01T12:00:00Z")).toBe("2026-07-02T01:00:00.000Z");
  });

  it("an hour of clocks later where summer time ends, and earlier where it begins", () => {
    const berlin = { cron: "0 3 * * *", timezone: "Europe/Berlin" };
    expect(due(berlin, "2026-10-24T01:00:30Z")).toBe("2026-10-25T02:00:00.000Z");
    expect(due(berlin, "2026-03-28T02:00:30Z")).toBe("2026-03-29T01:00:00.000Z");
  });

  it("at the run after, if it came a little before its run", () => {
    const cron = "0 3 * * *";
    expect(due({ cron }, "2026-11-24T02:59:50Z")).toBe("2026-11-25T03:00:00.000Z");
    expect(due({ cron }, "2026-11-24T02:50:00Z")).toBe("2026-11-24T03:00:00.000Z");
    expect(due({ cron, graceMs: 1000 }, "2026-11-24T02:59:50Z")).toBe("2026-11-24T03:00:00.000Z");
    expect(due({ cron: "* * * * *" }, "2026-11-24T12:00:05Z")).toBe("2026-11-24T12:01:00.000Z");
    expect(due({ cron: "* * * * *" }, "2026-11-24T12:00:58Z")).toBe("2026-11-24T12:02:00.000Z");
  });
});

describe("a job's terms", () => {
  it.each<[string, Partial<JobTerms>]>([
    ["every ten seconds", { everyMs: 10_000, graceMs: 1000 }],
    ["every 31 days", { everyMs: 31 * 86_400_000 }],
    ["monthly", { cron: "0 0 1 * *", timezone: "America/New_York" }],
    ["on weekdays, by name", { cron: "30 8 * * MON-FRI", maxRunMs: MINUTE }],
    ["every five minutes", { cron: "*/5 * * * *" }],
  ])("may be %s", (_, given) => {
    expect(jobFault(terms(given), NOW)).toBeUndefined();
  });

  it.each<[string, Partial<JobTerms>, string]>([
    ["nothing", null as never, "expected an object"],
    ["a text", "hourly" as never, "expected an object"],
    ["cron that is no text", { cron: 5 as never }, "cron: expected a text, got 5"],
    [
      "a zone that is no text",
      { cron: "* * * * *", timezone: {} as never },
      "timezone: expected a text",
    ],
    ["of another spelling", { every: 60_000 } as never, "did you mean everyMs?"],
    ["no schedule", {}, "either everyMs or cron"],
    ["two", { everyMs: 60_000, cron: "* * * * *" }, "either everyMs or cron"],
    ["too short a period", { everyMs: 9999 }, "everyMs: expected milliseconds from 10000"],
    ["too long a period", { everyMs: 32 * 86_400_000 }, "everyMs"],
    ["a period that is no number", { everyMs: Number.NaN }, "everyMs"],
    ["no grace", { everyMs: 60_000, graceMs: undefined as never }, "graceMs"],
    ["a negative run", { everyMs: 60_000, maxRunMs: -1 }, "maxRunMs"],
    ["a zone without cron", { everyMs: 60_000, timezone: "UTC" }, "timezone: expected cron"],
    ["an unknown zone", { cron: "* * * * *", timezone: "Mars/Olympus" }, "Mars/Olympus"],
    ["seconds", { cron: "0 0 3 * * *" }, "the five fields"],
    ["a name for cron", { cron: "@daily" }, "the five fields"],
    ["no cron", { cron: "every day at three o'clock" }, "cron"],
    ["a minute that there is not", { cron: "61 * * * *" }, "minute"],
    ["a day that never comes", { cron: "0 0 30 2 *" }, "runs to come"],
    ["a yearly run", { cron: "0 0 1 1 *" }, "at most 31 days"],
  ])("can't be %s", (_, given, fault) => {
    const all = typeof given === "object" && given !== null ? terms(given) : given;
    expect(jobFault(all, NOW)).toContain(fault);
  });
});

describe("a ping URL's secret", () => {
  it("names its job, whatever characters the ids have", () => {
    const secret = newPingSecret("acme", "backup@db-1/nightly=%+");
    expect(readPingSecret(secret)).toEqual({
      organizationId: "acme",
      agentId: "backup@db-1/nightly=%+",
    });
    expect(encodeURIComponent(secret)).toBe(secret);
  });

  it("is different each time, and always yields the same key", () => {
    const secrets = [1, 2].map(() => newPingSecret("acme", "a"));
    expect(new Set(secrets.map((secret) => pingKey(secret).keyId)).size).toBe(2);
    expect(pingKey(secrets[0] ?? "")).toEqual(pingKey(secrets[0] ?? ""));
  });

  it.each([
    "",
    "a.b.c",
    "YWNtZQ.YQ",
    "YWNtZQ.YQ.tooshort",
    `YWNtZQ.YQ.${"x".repeat(23)}`,
    `YWNtZR.YQ.${"x".repeat(22)}`,
    `.YQ.${"x".repeat(22)}`,
    `${Buffer.from("no id").toString("base64url")}.YQ.${"x".repeat(22)}`,
    `${"A".repeat(10_000)}.YQ.${"x".repeat(22)}`,
  ])("can't be %j", (text) => {
    expect(readPingSecret(text)).toBeUndefined();
  });
});
