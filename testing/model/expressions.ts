/**
 * DynamoDB's condition and update expressions, parsed and evaluated: enough for the writes of a lease, so
 * that thousands of histories can be played against the very texts that are deployed.
 */

import type { AttributeValue } from "@aws-sdk/client-dynamodb";

export type Item = Record<string, AttributeValue>;

/** A condition as a tree. */
export type Condition =
  | { kind: "and" | "or"; parts: Condition[] }
  | { kind: "exists" | "absent"; name: string }
  | { kind: "compare"; operator: Operator; left: string; right: string }
  | { kind: "constant"; value: boolean };

type Operator = "=" | "<>" | "<" | "<=" | ">" | ">=";

export interface Names {
  names?: Record<string, string> | undefined;
  values?: Record<string, AttributeValue> | undefined;
}

const TOKEN = /\s*(<>|<=|>=|[()=<>,]|[#:]?[A-Za-z_]+)/y;

/** @throws Error if the text is not of the part of the language that is known here */
export function parseCondition(text: string): Condition {
  const tokens = tokensOf(text);
  const condition = parseOr(tokens);
  if (tokens.length > 0) throw new Error(`unexpected ${tokens[0]} in ${text}`);
  return condition;
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const match = TOKEN.exec(text);
    if (!match?.[1]) throw new Error(`can't read ${text}`);
    tokens.push(match[1]);
  }
  return tokens;
}

function parseOr(tokens: string[]): Condition {
  const parts = [parseAnd(tokens)];
  while (tokens[0] === "OR") {
    tokens.shift();
    parts.push(parseAnd(tokens));
  }
  return parts.length === 1 ? (parts[0] as Condition) : { kind: "or", parts };
}

function parseAnd(tokens: string[]): Condition {
  const parts = [parseTerm(tokens)];
  while (tokens[0] === "AND") {
    tokens.shift();
    parts.push(parseTerm(tokens));
  }
  return parts.length === 1 ? (parts[0] as Condition) : { kind: "and", parts };
}

function parseTerm(tokens: string[]): Condition {
  const token = take(tokens);
  if (token === "(") {
    const condition = parseOr(tokens);
    take(tokens, ")");
    return condition;
  }
  if (token === "attribute_exists" || token === "attribute_not_exists") {
    take(tokens, "(");
    const name = take(tokens);
    take(tokens, ")");
    return { kind: token === "attribute_exists" ? "exists" : "absent", name };
  }
  const operator = take(tokens) as Operator;
  return { kind: "compare", operator, left: token, right: take(tokens) };
}

function take(tokens: string[], expected?: string): string {
  const token = tokens.shift();
  if (token === undefined || (expected !== undefined && token !== expected)) {
    throw new Error(`expected ${expected ?? "more"}, got ${token ?? "the end"}`);
  }
  return token;
}

/** Whether an item, or its absence, fulfils a condition. */
export function holds(condition: Condition, item: Item | undefined, names: Names): boolean {
  switch (condition.kind) {
    case "constant":
      return condition.value;
    case "and":
      return condition.parts.every((part) => holds(part, item, names));
    case "or":
      return condition.parts.some((part) => holds(part, item, names));
    case "exists":
      return operand(condition.name, item, names) !== undefined;
    case "absent":
      return operand(condition.name, item, names) === undefined;
    case "compare": {
      const [left, right] = [condition.left, condition.right].map((name) =>
        scalar(operand(name, item, names)),
      );
      // A comparison with an attribute that is not there is false, but for <>.
      if (left === undefined || right === undefined) return condition.operator === "<>";
      return compare(left, condition.operator, right);
    }
  }
}

function operand(name: string, item: Item | undefined, { names, values }: Names) {
  if (name.startsWith(":")) return values?.[name];
  return item?.[name.startsWith("#") ? (names?.[name] ?? name) : name];
}

function scalar(value: AttributeValue | undefined): string | number | undefined {
  if (value?.N !== undefined) return Number(value.N);
  return value?.S;
}

function compare(left: string | number, operator: Operator, right: string | number): boolean {
  switch (operator) {
    case "=":
      return left === right;
    case "<>":
      return left !== right;
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
  }
}

/** An update as its clauses. */
export interface Update {
  set: { name: string; value: string; ifNotExists: boolean }[];
  remove: string[];
}

export function parseUpdate(text: string): Update {
  const [, set = "", remove = ""] =
    /^(?:SET ([\s\S]*?))?\s*(?:REMOVE ([\s\S]*))?$/.exec(text.trim()) ?? [];
  const clauses = set.split(/,(?![^(]*\))/).filter((clause) => clause.trim() !== "");
  return {
    set: clauses.map((clause) => {
      const [name = "", value = ""] = clause.split("=").map((part) => part.trim());
      const conditional = /^if_not_exists\((\w+), (:\w+)\)$/.exec(value);
      return { name, value: conditional?.[2] ?? value, ifNotExists: conditional !== null };
    }),
    remove: remove.split(",").flatMap((name) => name.trim() || []),
  };
}

/** The item after an update. */
export function updated(update: Update, item: Item, names: Names): Item {
  const result = { ...item };
  const attribute = (name: string) => (name.startsWith("#") ? (names.names?.[name] ?? name) : name);
  for (const { name, value, ifNotExists } of update.set) {
    const given = names.values?.[value];
    if (!given) throw new Error(`no value ${value}`);
    if (!ifNotExists || item[attribute(name)] === undefined) result[attribute(name)] = given;
  }
  for (const name of update.remove) delete result[attribute(name)];
  return result;
}
