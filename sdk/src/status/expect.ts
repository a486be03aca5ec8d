/** Checks of what callers pass in, shared by the reader and the registry. */

import { ID_FORM, ID_PATTERN, isReservedAgentId, RESERVED_ID_FORM } from "../../../core/agent-id";
import { ROLES } from "../../../core/roles";
import { type Names, unknownName } from "../../../core/unknown-names";
import { show } from "../user-code";
import { InvalidArgumentError } from "./errors";

const STATUSES = ["online", "offline"] as const;
const MAX_LIMIT = 1000;

/**
 * A missing name, as of an environment variable that is not set, is refused where it is given, and not by DynamoDB later.
 *
 * @throws InvalidArgumentError if it can't be the name of a table
 */
export function expectTableName(option: string, value: string, output: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw new InvalidArgumentError(
    `${option}: expected the name of a table (the stack's output ${output}), got ${show(value)}; ` +
      "is the environment variable set?",
  );
}

/** @throws InvalidArgumentError if there is no option of a name */
export function expectOptions<T extends object>(options: T, known: Names<T>): void {
  const fault = unknownName(options, known);
  if (fault) throw new InvalidArgumentError(`option ${fault}`);
}

/** @throws InvalidArgumentError if it can't be an organization's id */
export function expectOrganizationId(value: string): void {
  expectId("organizationId", value);
}

/** @throws InvalidArgumentError if it can't be an agent's id */
export function expectAgentId(value: string): void {
  expectId("agentId", value);
}

/** @throws InvalidArgumentError if an agent of this id would be taken for another sender */
export function expectUnreserved(agentId: string): void {
  if (!isReservedAgentId(agentId)) return;
  throw new InvalidArgumentError(
    `agentId: expected ${RESERVED_ID_FORM}, got ${JSON.stringify(agentId)}`,
  );
}

/** @throws InvalidArgumentError if it is given and no status */
export function expectStatus(value: string | undefined): void {
  if (value !== undefined) expectOneOf("status", value, STATUSES);
}

/** @throws InvalidArgumentError if it is no role */
export function expectRole(value: string): void {
  expectOneOf("role", value, ROLES);
}

/** @throws InvalidArgumentError if it is not a page's size */
export function expectLimit(value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > MAX_LIMIT) {
    throw new InvalidArgumentError(
      `limit: expected a whole number from 1 to ${MAX_LIMIT}, got ${value}`,
    );
  }
  return value;
}

function expectId(name: string, value: string): void {
  if (typeof value === "string" && ID_PATTERN.test(value)) return;
  throw new InvalidArgumentError(`${name}: expected ${ID_FORM}, got ${JSON.stringify(value)}`);
}

function expectOneOf(name: string, value: string, allowed: readonly string[]): void {
  if (allowed.includes(value)) return;
  throw new InvalidArgumentError(
    `${name}: expected ${allowed.join(", ")}, got ${JSON.stringify(value)}`,
  );
}
