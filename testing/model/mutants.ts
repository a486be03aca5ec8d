/**
 * Breaks the writes on purpose, one clause at a time, and looks whether the histories find it. Each clause of
 * each condition is made true and made false, each assignment is left out.
 */

import fc from "fast-check";
import * as may from "../../lambda/lease/conditions";
import * as update from "../../lambda/lease/updates";
import { FORMS, fences, STRIP } from "../../sdk/src/registry/revocation";
import { type Assignment, type Condition, parseCondition, parseUpdate } from "./expressions";
import { historyArbitrary, play } from "./histories";
import type { Mutation } from "./in-memory-table";
import { BrokenPromise } from "./world";

export interface Mutant {
  name: string;
  mutation: Mutation;
}

const PERIODS = ["goesOn", "begins"] as const;

/** The writes by their names, each in all its forms. */
const CONDITIONS: Record<string, string[]> = {
  mayTake: PERIODS.flatMap((period) =>
    [true, false].flatMap((alone) =>
      [true, false].map((trim) => may.mayTake(period, { alone, trim })),
    ),
  ),
  mayAdd: PERIODS.map(may.mayAdd),
  mayLose: [may.mayLose],
  mayRenew: PERIODS.map(may.mayRenew),
  mayEnd: [may.mayEnd],
  mayLeave: [may.mayLeave],
  mayNote: [may.mayNote],
  mayExpire: [may.mayExpire],
  mayForget: [may.mayForget],
  mayRevoke: Object.values(FORMS).map(({ condition }) => `${condition} AND ${fences}`),
  mayStrip: [STRIP.condition],
};

const UPDATES: Record<string, string[]> = {
  take: PERIODS.flatMap((period) => [true, false].map((trim) => update.take(period, { trim }))),
  add: PERIODS.map(update.add),
  lose: [update.LOSE],
  renew: PERIODS.map((period) => update.renew(period, [], ["activity", "stallsAt"])),
  end: [update.END],
  leave: [update.LEAVE],
  note: [update.NOTE],
  expire: [update.EXPIRE],
  forget: [update.FORGET],
  revoke: Object.values(FORMS).map((form) => form.update),
  strip: [STRIP.update],
};

/** Histories played against a mutant before it counts as a survivor. */
const MUTANT_RUNS = Number(process.env.MUTANT_RUNS ?? 6000);

/** Breaks that change nothing that anybody could see, with the reason. */
const HARMLESS: Readonly<Record<string, string>> = {};

export function mutants(): Mutant[] {
  const ofConditions = Object.entries(CONDITIONS).flatMap(([name, texts]) => {
    const leaves = new Set(texts.flatMap((text) => leavesOf(parseCondition(text)).map(describe)));
    return [...leaves].flatMap((leaf) =>
      [true, false].map((value) => ({
        name: `${name}: ${leaf} is always ${value}`,
        mutation: {
          condition: (condition: Condition, found: string) =>
            texts.includes(found) ? withLeaf(condition, leaf, value) : condition,
        },
      })),
    );
  });
  const ofUpdates = Object.entries(UPDATES).flatMap(([name, texts]) => {
    const assignments = new Set(texts.flatMap((text) => parseUpdate(text).map(describeAssignment)));
    return [...assignments].map((left) => ({
      name: `${name}: no ${left}`,
      mutation: {
        update: (assignments: Assignment[], found: string) =>
          texts.includes(found)
            ? assignments.filter((one) => describeAssignment(one) !== left)
            : assignments,
      },
    }));
  });
  return [...ofConditions, ...ofUpdates].filter(({ name }) => !(name in HARMLESS));
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
  const property = fc.asyncProperty(historyArbitrary, (history) => play(history, mutation));
  const result = await fc.check(property, { numRuns: MUTANT_RUNS, endOnFailure: true, seed: 1 });
  if (!result.failed) return false;
  if (result.errorInstance instanceof BrokenPromise) return true;
  throw result.errorInstance;
}

function leavesOf(condition: Condition): Condition[] {
  if (condition.kind === "not") return leavesOf(condition.part);
  return condition.kind === "and" || condition.kind === "or"
    ? condition.parts.flatMap(leavesOf)
    : [condition];
}

/** The condition with a leaf made constant, wherever it stands. */
function withLeaf(condition: Condition, leaf: string, value: boolean): Condition {
  if (condition.kind === "not") return { kind: "not", part: withLeaf(condition.part, leaf, value) };
  if (condition.kind === "and" || condition.kind === "or") {
    const parts = condition.parts.map((part) => withLeaf(part, leaf, value));
    return { kind: condition.kind, parts };
  }
  return describe(condition) === leaf ? { kind: "constant", value } : condition;
}

function describe(leaf: Condition): string {
  switch (leaf.kind) {
    case "exists":
      return `attribute_exists(${leaf.name})`;
    case "absent":
      return `attribute_not_exists(${leaf.name})`;
    case "contains":
      return `contains(${leaf.name}, ${leaf.value})`;
    case "compare":
      return `${leaf.left} ${leaf.operator} ${leaf.right}`;
    default:
      return leaf.kind;
  }
}

const describeAssignment = ({ clause, name, value }: Assignment) =>
  `${clause} ${name} ${value}`.trim();
