/**
 * Breaks the writes of a lease on purpose, one clause at a time, and looks whether the histories find it.
 * Each clause of each condition is made true and made false, each assignment is left out.
 */

import fc from "fast-check";
import {
  mayExpire,
  mayFallBack,
  mayForgetSpare,
  mayHold,
  mayRelease,
  mayReleaseSpare,
  mayReleaseUnseen,
  mayRenewSpare,
} from "../../lambda/lease/conditions";
import type { Condition, Update } from "./expressions";
import { parseCondition } from "./expressions";
import { historyArbitrary } from "./history";
import { InMemoryTable, type Mutation } from "./in-memory-table";
import { InvariantViolation, judge } from "./judge";

export interface Mutant {
  name: string;
  mutation: Mutation;
}

const CONDITIONS = {
  mayHold,
  mayRelease,
  mayReleaseUnseen,
  mayExpire,
  mayFallBack,
  mayRenewSpare,
  mayReleaseSpare,
  mayForgetSpare,
};

/** Histories played against a mutant before it counts as a survivor. */
const RUNS = 20_000;

/** Breaks that change nothing that a reader could see, with the reason. */
const HARMLESS: Readonly<Record<string, string>> = {
  "mayRelease: attribute_not_exists(disconnectedAt) is always true":
    "a disconnect that is repeated has the time and the reason of the first one",
  "mayRenewSpare: reason <> :revoked is always true":
    "the histories have no revocations: test/lambda/lease/spare.test.ts has",
  ...Object.fromEntries(
    [
      "mayFallBack: attribute_not_exists(disconnectedAt)",
      "mayFallBack: spareBeside = :connectionId",
      "mayReleaseSpare: spareConnectionId = :connectionId",
      "mayReleaseSpare: spareBeside = connectionId",
      "mayReleaseSpare: attribute_exists(disconnectedAt)",
      "mayForgetSpare: spareConnectionId = :connectionId",
      "mayForgetSpare: attribute_not_exists(disconnectedAt)",
    ].map((clause) => [
      `${clause} is always true`,
      "the row in hand said so already: it matters only to a write between the two, and until the next heartbeat",
    ]),
  ),
  "spareConnectionId is never removed": "what is left of a spare is void without spareBeside",
  "spareLeaseExpiresAt is never removed": "what is left of a spare is void without spareBeside",
};

/** Assignments that the histories judge: the others depend on the order, or are copied as they are. */
const ASSIGNMENTS = [
  "#status",
  "connectionId",
  "connectedAt",
  "instanceId",
  "lastHeartbeatAt",
  "leaseExpiresAt",
  "ttlEpochSeconds",
  "onlineSince",
  "reason",
  "disconnectedAt",
  "spareBeside",
  "spareConnectionId",
  "spareLeaseExpiresAt",
];

export function mutants(): Mutant[] {
  const ofConditions = Object.entries(CONDITIONS).flatMap(([name, text]) =>
    leavesOf(parseCondition(text)).flatMap((leaf, index) =>
      [true, false].map((value) => ({
        name: `${name}: ${describe(leaf)} is always ${value}`,
        mutation: {
          condition: (condition: Condition, found: string) =>
            found === text ? withLeaf(condition, index, value) : condition,
        },
      })),
    ),
  );
  const ofUpdates = ASSIGNMENTS.flatMap((name) => [
    {
      name: `${name} is never set`,
      mutation: { update: (update: Update) => without(update, "set", name) },
    },
    {
      name: `${name} is never removed`,
      mutation: { update: (update: Update) => without(update, "remove", name) },
    },
  ]);
  const neverRemoved = new Set(["#status", "connectionId", "connectedAt", "instanceId"]);
  for (const name of ["lastHeartbeatAt", "leaseExpiresAt", "ttlEpochSeconds"])
    neverRemoved.add(name);
  return [
    ...ofConditions,
    ...ofUpdates.filter(
      ({ name }) => !(name.endsWith("removed") && neverRemoved.has(name.split(" ")[0] ?? "")),
    ),
  ].filter(({ name }) => !(name in HARMLESS));
}

/** The names of the mutants that no history tells from the original. */
export async function survivors(all: Mutant[] = mutants()): Promise<string[]> {
  const surviving: string[] = [];
  for (const { name, mutation } of all) {
    if (!(await isFound(mutation))) surviving.push(name);
  }
  return surviving;
}

async function isFound(mutation: Mutation): Promise<boolean> {
  const property = fc.asyncProperty(historyArbitrary, async (history) => {
    const twin = new InMemoryTable(mutation);
    await judge(history, { client: twin.client, tableName: "AgentStatus" });
  });
  const result = await fc.check(property, { numRuns: RUNS, endOnFailure: true, seed: 1 });
  if (!result.failed) return false;
  if (result.errorInstance instanceof InvariantViolation) return true;
  throw result.errorInstance;
}

function leavesOf(condition: Condition): Condition[] {
  return condition.kind === "and" || condition.kind === "or"
    ? condition.parts.flatMap(leavesOf)
    : [condition];
}

/** The condition with its n-th leaf made constant. */
function withLeaf(condition: Condition, index: number, value: boolean): Condition {
  let seen = -1;
  const walk = (node: Condition): Condition => {
    if (node.kind === "and" || node.kind === "or") {
      return { kind: node.kind, parts: node.parts.map(walk) };
    }
    seen += 1;
    return seen === index ? { kind: "constant", value } : node;
  };
  return walk(condition);
}

function without(update: Update, clause: "set" | "remove", name: string): Update {
  return clause === "set"
    ? { ...update, set: update.set.filter((assignment) => assignment.name !== name) }
    : { ...update, remove: update.remove.filter((removed) => removed !== name) };
}

function describe(leaf: Condition): string {
  switch (leaf.kind) {
    case "exists":
      return `attribute_exists(${leaf.name})`;
    case "absent":
      return `attribute_not_exists(${leaf.name})`;
    case "compare":
      return `${leaf.left} ${leaf.operator} ${leaf.right}`;
    default:
      return leaf.kind;
  }
}
