/** Published events and messages of WebSocket APIs, each with its source. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

const read = <T>(name: string): T =>
  JSON.parse(readFileSync(join(__dirname, "fixtures", `${name}.json`), "utf8")) as T;

interface Sourced {
  source: string;
}

/** A recorded event of API Gateway. */
export const eventFixture = (name: "connect" | "authorizer" | "message" | "disconnect") =>
  read<Sourced & { event: Record<string, unknown> }>(name).event;

/** Codes and reasons that `$disconnect` receives. */
export const endings = () =>
  read<(Sourced & { when: string; disconnectStatusCode: number; disconnectReason: string })[]>(
    "endings",
  );

/** The exact frames that clients receive instead of a reply. */
export const replies = () => read<(Sourced & { when: string; frame: string })[]>("replies");

export const quotas = () =>
  read<Sourced & { quotas: Record<string, number>; closeCodeOfTooLarge: number }>("quotas");

/** Statuses of the `@connections` API. */
export const managementApi = () =>
  read<Sourced & { maxDataBytes: number; deleteStatus: number; errors: Record<string, number> }>(
    "management-api",
  );

/** The form of a value: its fields, and the kinds of its strings and numbers. */
export function formOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(formOf);
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => [key, formOf(item)] as const);
    return Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b)));
  }
  if (typeof value === "number") return value > 1e12 ? "epoch milliseconds" : "number";
  if (typeof value !== "string") return typeof value;
  if (/^[\w-]{15}=$/.test(value)) return "id";
  if (/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/.test(value)) return "time";
  if (/^arn:aws:execute-api:[\w-]+:\d{12}:\w+\/\w+\/\$connect$/.test(value)) return "method";
  return "text";
}
