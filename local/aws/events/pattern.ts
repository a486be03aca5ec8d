/**
 * Event patterns of EventBridge rules and of event source mapping filters.
 *
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */

/** Whether an event matches. */
export type Pattern = (event: unknown) => boolean;

/** Matches one value of an event. Undefined stands for a missing field. */
type Condition = (value: unknown) => boolean;

/**
 * Parses a pattern.
 *
 * @throws Error naming the field, if the pattern is invalid or uses an unsupported operator
 */
export function parsePattern(pattern: unknown, path = "pattern"): Pattern {
  if (!isObject(pattern)) {
    throw new Error(`${path}: expected an object, got ${JSON.stringify(pattern)}`);
  }
  const fields = Object.entries(pattern).map(([key, value]): Pattern => {
    const fieldPath = `${path}.${key}`;
    if (key === "$or") return anyOf(list(value, fieldPath).map((p) => parsePattern(p, fieldPath)));
    if (!Array.isArray(value)) {
      const nested = parsePattern(value, fieldPath);
      // The fields of an absent object are absent: `exists: false` matches them.
      return (event) => nested(isObject(event) ? event[key] : undefined);
    }
    const matches = anyOf(value.map((item) => conditionOf(item, fieldPath)));
    return (event) => leavesOf(isObject(event) ? event[key] : undefined).some(matches);
  });
  return (event) => fields.every((matches) => matches(event));
}

/**
 * The values that a condition is applied to: each element of a list, and undefined for an object.
 */
function leavesOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.length > 0 ? value : [undefined];
  return [isObject(value) ? undefined : value];
}

function conditionOf(item: unknown, path: string): Condition {
  if (!isObject(item)) return (value) => value === item;
  const [entry, ...rest] = Object.entries(item);
  if (!entry || rest.length > 0) {
    throw new Error(`${path}: expected one operator, got ${JSON.stringify(item)}`);
  }
  const [name, operand] = entry;
  const operator = OPERATORS[name];
  if (!operator) {
    const known = Object.keys(OPERATORS).join(", ");
    throw new Error(`${path}: expected one of the operators ${known}, got ${name}`);
  }
  return operator(operand, `${path}.${name}`);
}

const OPERATORS: Record<string, (operand: unknown, path: string) => Condition> = {
  exists: (operand) => (value) => (value !== undefined) === operand,
  prefix: (operand, path) => onText(operand, path, (text, prefix) => text.startsWith(prefix)),
  suffix: (operand, path) => onText(operand, path, (text, suffix) => text.endsWith(suffix)),
  "equals-ignore-case": (operand, path) =>
    onText(operand, path, (text, other) => text.toLowerCase() === other.toLowerCase()),
  wildcard: (operand, path) => {
    const parts = text(operand, path).split("*").map(escapeForRegExp);
    const expression = new RegExp(`^${parts.join(".*")}$`, "s");
    return (value) => typeof value === "string" && expression.test(value);
  },
  "anything-but": (operand, path) => {
    const refused = anyOf(
      (Array.isArray(operand) ? operand : [operand]).map((o) => conditionOf(o, path)),
    );
    return (value) => value !== undefined && !refused(value);
  },
  numeric: (operand, path) => {
    const terms = list(operand, path);
    const comparisons = terms.flatMap((sign, index) =>
      index % 2 === 0 ? [comparison(String(sign), terms[index + 1], path)] : [],
    );
    return (value) => typeof value === "number" && comparisons.every((holds) => holds(value));
  },
};

function comparison(sign: string, operand: unknown, path: string): (value: number) => boolean {
  const compare = COMPARISONS[sign];
  if (!compare || typeof operand !== "number") {
    throw new Error(`${path}: expected a comparison with a number, got ${sign} ${String(operand)}`);
  }
  return (value) => compare(value, operand);
}

const COMPARISONS: Record<string, (left: number, right: number) => boolean> = {
  "=": (left, right) => left === right,
  "<": (left, right) => left < right,
  "<=": (left, right) => left <= right,
  ">": (left, right) => left > right,
  ">=": (left, right) => left >= right,
};

function onText(
  operand: unknown,
  path: string,
  holds: (value: string, operand: string) => boolean,
): Condition {
  // `{"prefix": {"equals-ignore-case": "a"}}`
  if (isObject(operand) && typeof operand["equals-ignore-case"] === "string") {
    const folded = operand["equals-ignore-case"].toLowerCase();
    return (value) => typeof value === "string" && holds(value.toLowerCase(), folded);
  }
  const expected = text(operand, path);
  return (value) => typeof value === "string" && holds(value, expected);
}

function text(value: unknown, path: string): string {
  if (typeof value !== "string") throw new Error(`${path}: expected a text`);
  return value;
}

function list(value: unknown, path: string): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${path}: expected a list`);
  return value;
}

const anyOf =
  (conditions: Condition[]): Condition =>
  (value) =>
    conditions.some((holds) => holds(value));

const escapeForRegExp = (part: string) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
