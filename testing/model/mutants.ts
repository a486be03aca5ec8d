/**
 * Breaks the writes of a lease on purpose, one clause or assignment at a time. Each clause of each condition is made
 * true and made false, each assignment is left out.
 */

import * as lease from "../../lambda/lease/writes";
import { FORMS, fences, STRIP } from "../../sdk/src/registry/revocation";
import {
  type Assignment,
  type Condition,
  holds,
  parseCondition,
  parseUpdate,
  type Update,
  updated,
} from "./expressions";
import type { Mutation, WriteSeen } from "./in-memory-table";

const PERIODS = ["goesOn", "begins"] as const;

const WORK = [{}, { activity: {} }, { activity: {}, stallsAt: 1 }].map((work) => ({
  activity: undefined,
  stallsAt: undefined,
  ...work,
}));

/** The writes by their names, each in all its forms. What a heartbeat says of the work is given, in part, or missing. */
const WRITES: Record<string, lease.Write[]> = {
  take: PERIODS.flatMap((period) => [false, true].map((trim) => lease.take(period, { trim }))),
  "take over HTTP": PERIODS.flatMap((period) =>
    [false, true].flatMap((trim) => WORK.map((work) => lease.take(period, { trim, work }))),
  ),
  add: PERIODS.map(lease.add),
  lose: [lease.LOSE],
  "lose over HTTP": [lease.LOSE_OVER_HTTP],
  renew: PERIODS.flatMap((period) => WORK.map((work) => lease.renew(period, work))),
  "renew over HTTP": PERIODS.flatMap((period) =>
    WORK.map((work) => lease.renewOverHttp(period, work)),
  ),
  leave: [lease.LEAVE],
  "stay away": [lease.STAY_AWAY],
  end: [lease.END],
  note: [lease.NOTE],
  expire: [lease.EXPIRE],
  stall: [lease.STALL],
  recover: [lease.RECOVER],
  forget: [lease.FORGET],
  revoke: Object.values(FORMS).map(({ condition, update }) => ({
    condition: `${condition} AND ${fences}`,
    update,
  })),
  strip: [STRIP],
};

const NAMES = new Map(
  Object.entries(WRITES).flatMap(([name, forms]) =>
    forms.flatMap(({ condition, update }) => [
      [condition, name],
      [update, name],
    ]),
  ) as [string, string][],
);

/** A text broken in one place. */
interface Mutant {
  condition?: Condition;
  update?: Update;
  /** What a broken update leaves as it was. */
  attribute?: string;
}

/** The names of all mutants. */
export const mutants = (): string[] => [
  ...new Set([...NAMES.keys()].flatMap((text) => [...mutantsOf(text).keys()])),
];

export const mutationOf = (name: string): Mutation => ({
  condition: (original, text) => mutantsOf(text).get(name)?.condition ?? original,
  update: (original, text) => mutantsOf(text).get(name)?.update ?? original,
});

/** Calls back with each mutant that would change what a write does. */
export function differing(
  { condition, update, row, key, names }: WriteSeen,
  isWanted: (name: string) => boolean,
  found: (name: string) => void,
): void {
  const written = holds(parsedCondition(condition), row, names);
  for (const [name, mutant] of mutantsOf(condition)) {
    if (!mutant.condition || !isWanted(name)) continue;
    if (holds(mutant.condition, row, names) !== written) found(name);
  }
  if (!written) return;
  const before = row ?? key;
  const after = updated(parsedUpdate(update), before, names);
  for (const [name, { attribute = "" }] of mutantsOf(update)) {
    if (!isWanted(name)) continue;
    if (JSON.stringify(after[attribute]) !== JSON.stringify(before[attribute])) found(name);
  }
}

const parsedCondition = memoized(parseCondition);
const parsedUpdate = memoized(parseUpdate);
const mutantsOf = memoized((text) => {
  // What a rotation of keys writes is made for the row that it has read.
  const write = NAMES.get(text) ?? "rotate";
  return /^(SET|ADD|REMOVE|DELETE) /.test(text)
    ? updatesWithout(write, parseUpdate(text))
    : brokenConditions(write, parseCondition(text));
});

function memoized<T>(make: (text: string) => T): (text: string) => T {
  const cache = new Map<string, T>();
  return (text) => {
    const made = cache.get(text) ?? make(text);
    cache.set(text, made);
    return made;
  };
}

function updatesWithout(write: string, update: Update): Map<string, Mutant> {
  return new Map(
    update.map((assignment) => [
      `${write}: no ${describeAssignment(assignment)}`,
      {
        update: update.filter((other) => other !== assignment),
        attribute: assignment.name.replace("#", ""),
      },
    ]),
  );
}

function brokenConditions(write: string, condition: Condition): Map<string, Mutant> {
  const leaves = leavesOf(condition);
  return new Map(
    leaves.flatMap((leaf, index) => {
      const nth = leaves.slice(0, index).filter((one) => describe(one) === describe(leaf)).length;
      const name = `${write}: ${describe(leaf)}${nth > 0 ? ` (${nth + 1})` : ""}`;
      return [true, false].map((value): [string, Mutant] => [
        `${name} is always ${value}`,
        { condition: replaced(condition, leaf, { kind: "constant", value }) },
      ]);
    }),
  );
}

function leavesOf(condition: Condition): Condition[] {
  if (condition.kind === "not") return leavesOf(condition.part);
  return condition.kind === "and" || condition.kind === "or"
    ? condition.parts.flatMap(leavesOf)
    : [condition];
}

function replaced(condition: Condition, leaf: Condition, by: Condition): Condition {
  if (condition === leaf) return by;
  if (condition.kind === "not") return { kind: "not", part: replaced(condition.part, leaf, by) };
  if (condition.kind === "and" || condition.kind === "or") {
    const parts = condition.parts.map((part) => replaced(part, leaf, by));
    return { kind: condition.kind, parts };
  }
  return condition;
}

function describe(leaf: Condition): string {
  switch (leaf.kind) {
    case "exists":
      return `attribute_exists(${leaf.name})`;
    case "absent":
      return `attribute_not_exists(${leaf.name})`;
    case "contains":
      return `contains(${leaf.name}, ${leaf.value})`;
    case "begins":
      return `begins_with(${leaf.name}, ${leaf.value})`;
    case "compare":
      return `${leaf.left} ${leaf.operator} ${leaf.right}`;
    default:
      return leaf.kind;
  }
}

const describeAssignment = ({ clause, name, value }: Assignment) =>
  `${clause} ${name} ${value}`.trim();
