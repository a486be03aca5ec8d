/**
 * DynamoDB's condition and update expressions, parsed and evaluated: enough for the writes of a lease, so
 * that thousands of histories can be played against the very texts that are deployed.
 */

import type { AttributeValue } from "@aws-sdk/client-dynamodb";

export type Item = Record<string, AttributeValue>;

/** A condition as a tree. */
export type Condition =
  | { kind: "and" | "or"; parts: Condition[] }
  | { kind: "not"; part: Condition }
  | { kind: "exists" | "absent"; name: string }
  | { kind: "contains" | "begins"; name: string; value: string }
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
  return parseList(tokens, "OR", parseAnd);
}

function parseAnd(tokens: string[]): Condition {
  return parseList(tokens, "AND", parseTerm);
}

function parseList(
  tokens: string[],
  word: "OR" | "AND",
  parse: (tokens: string[]) => Condition,
): Condition {
  const parts = [parse(tokens)];
  while (tokens[0] === word) {
    tokens.shift();
    parts.push(parse(tokens));
  }
  const kind = word === "OR" ? "or" : "and";
  return parts.length === 1 ? (parts[0] as Condition) : { kind, parts };
}

function parseTerm(tokens: string[]): Condition {
  const token = take(tokens);
  if (token === "NOT") return { kind: "not", part: parseTerm(tokens) };
  if (token === "(") {
    const condition = parseOr(tokens);
    take(tokens, ")");
    return condition;
  }
  if (token === "attribute_exists" || token === "attribute_not_exists") {
    const [name = ""] = argumentsOf(tokens);
    return { kind: token === "attribute_exists" ? "exists" : "absent", name };
  }
  if (token === "contains" || token === "begins_with") {
    const [name = "", value = ""] = argumentsOf(tokens);
    return { kind: token === "contains" ? token : "begins", name, value };
  }
  const left = token === "size" ? `size(${argumentsOf(tokens)[0]})` : token;
  const operator = take(tokens) as Operator;
  return { kind: "compare", operator, left, right: take(tokens) };
}

function argumentsOf(tokens: string[]): string[] {
  take(tokens, "(");
  const given = [take(tokens)];
  while (tokens[0] === ",") {
    tokens.shift();
    given.push(take(tokens));
  }
  take(tokens, ")");
  return given;
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
    case "not":
      return !holds(condition.part, item, names);
    case "and":
      return condition.parts.every((part) => holds(part, item, names));
    case "or":
      return condition.parts.some((part) => holds(part, item, names));
    case "exists":
      return operand(condition.name, item, names) !== undefined;
    case "absent":
      return operand(condition.name, item, names) === undefined;
    case "contains": {
      const { SS: set, L: list } = operand(condition.name, item, names) ?? {};
      const value = operand(condition.value, item, names)?.S;
      const elements = set ?? list?.map(({ S }) => S);
      return value !== undefined && elements?.includes(value) === true;
    }
    case "begins": {
      const [text, start] = [condition.name, condition.value].map(
        (name) => operand(name, item, names)?.S,
      );
      return start !== undefined && text?.startsWith(start) === true;
    }
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

function operand(
  name: string,
  item: Item | undefined,
  { names, values }: Names,
): AttributeValue | undefined {
  const sized = /^size\((.+)\)$/.exec(name)?.[1];
  if (sized) {
    const size = operand(sized, item, { names, values })?.SS?.length;
    return size === undefined ? undefined : { N: String(size) };
  }
  if (name.startsWith(":")) return values?.[name];
  return item?.[name.startsWith("#") ? (names?.[name] ?? name) : name];
}

function scalar(value: AttributeValue | undefined): string | number | undefined {
  if (value?.N !== undefined) return Number(value.N);
  if (value?.L) return JSON.stringify(value.L);
  return value?.SS ? JSON.stringify([...value.SS].sort()) : value?.S;
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

/** One thing that an update does to an attribute. */
export interface Assignment {
  clause: "SET" | "ADD" | "DELETE" | "REMOVE";
  name: string;
  /** What is set; a name stands for an attribute. Empty for REMOVE. */
  value: string;
  /** What is set where the attribute of `value` does not exist. */
  otherwise?: string | undefined;
}

export type Update = Assignment[];

export function parseUpdate(text: string): Update {
  const clauses = text.split(/\b(SET|ADD|DELETE|REMOVE)\b/).slice(1);
  const update: Update = [];
  for (let index = 0; index < clauses.length; index += 2) {
    const clause = clauses[index] as Assignment["clause"];
    for (const part of (clauses[index + 1] ?? "").split(/,(?![^(]*\))/)) {
      if (part.trim() !== "") update.push(assignmentOf(clause, part.trim()));
    }
  }
  return update;
}

function assignmentOf(clause: Assignment["clause"], text: string): Assignment {
  if (clause === "REMOVE") return { clause, name: text, value: "" };
  const [name = "", value = ""] = text.split(clause === "SET" ? /\s*=\s*/ : /\s+/);
  const [, path = value, otherwise] = /^if_not_exists\((\w+), (:\w+)\)$/.exec(value) ?? [];
  return { clause, name, value: path, otherwise };
}

/** The item after an update. */
export function updated(update: Update, item: Item, names: Names): Item {
  const result = { ...item };
  const attribute = (name: string) => (name.startsWith("#") ? (names.names?.[name] ?? name) : name);
  for (const { clause, name, value, otherwise } of update) {
    const key = attribute(name);
    if (clause === "REMOVE") {
      delete result[key];
      continue;
    }
    const given = operand(value, item, names) ?? (otherwise && names.values?.[otherwise]);
    if (!given) throw new Error(`no value ${value}`);
    if (clause === "SET") {
      result[key] = given;
      continue;
    }
    const before = item[key]?.SS ?? [];
    const entries = given.SS ?? [];
    const after =
      clause === "ADD"
        ? [...new Set([...before, ...entries])]
        : before.filter((entry) => !entries.includes(entry));
    if (after.length > 0) result[key] = { SS: after };
    else delete result[key];
  }
  return result;
}
