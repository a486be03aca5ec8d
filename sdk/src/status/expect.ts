/** Checks of what callers pass to the reader, so that a mistake is named instead of found by DynamoDB. */

import { ID_PATTERN, LIMITS } from "../protocol";

const STATUSES: readonly unknown[] = ["online", "offline"];
const MAX_LIMIT = 1000;

export function expectOrganizationId(value: string): void {
  expectId("organizationId", value);
}

export function expectAgentId(value: string): void {
  expectId("agentId", value);
}

export function expectStatus(value: string | undefined): void {
  if (value !== undefined && !STATUSES.includes(value)) {
    throw new TypeError(`status: expected online or offline, got ${JSON.stringify(value)}`);
  }
}

export function expectLimit(value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > MAX_LIMIT) {
    throw new TypeError(`limit: expected a whole number from 1 to ${MAX_LIMIT}, got ${value}`);
  }
  return value;
}

function expectId(name: string, value: string): void {
  if (typeof value === "string" && ID_PATTERN.test(value)) return;
  throw new TypeError(
    `${name}: expected 1 to ${LIMITS.idLength} letters, digits, _ or -, got ${JSON.stringify(value)}`,
  );
}
