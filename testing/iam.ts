/** Evaluates policies like IAM: an explicit deny wins, and a call that no statement allows is denied. */

export interface PolicyStatement {
  Effect: "Allow" | "Deny";
  Action: string | string[];
  Resource?: string | string[];
  Principal?: string | Record<string, string | string[]>;
  Condition?: Record<string, Record<string, string | string[]>>;
}

export interface Call {
  action: string;
  resource: string;
  /** The calling service, for resource policies. */
  principal?: string;
  /** By condition keys, for example `kms:ViaService`. */
  context?: Record<string, string>;
}

/** @throws Error if a statement has an unsupported element or condition */
export function allows(statements: readonly PolicyStatement[], call: Call): boolean {
  const fitting = statements.filter((statement) => fits(statement, call));
  return fitting.length > 0 && fitting.every(({ Effect }) => Effect === "Allow");
}

const KNOWN = ["Sid", "Effect", "Action", "Resource", "Principal", "Condition"];

function fits(statement: PolicyStatement, { action, resource, principal, context = {} }: Call) {
  const unknown = Object.keys(statement).filter((element) => !KNOWN.includes(element));
  if (unknown.length > 0) throw new Error(`a policy has the element ${unknown}`);
  const { Action, Resource = "*", Principal, Condition = {} } = statement;
  return (
    // Actions are case-insensitive, resources are not.
    [Action].flat().some((pattern) => like(pattern.toLowerCase(), action.toLowerCase())) &&
    [Resource].flat().some((pattern) => like(pattern, resource)) &&
    (Principal === undefined || isPrincipal(Principal, principal)) &&
    Object.entries(Condition).every(([operator, keys]) =>
      Object.entries(keys).every(([key, expected]) =>
        holds(operator, [expected].flat(), context[key]),
      ),
    )
  );
}

function isPrincipal(given: NonNullable<PolicyStatement["Principal"]>, caller: string | undefined) {
  if (given === "*") return true;
  const names = Object.values(given).flat();
  return names.includes("*") || (caller !== undefined && names.includes(caller));
}

function holds(operator: string, expected: string[], found: string | undefined): boolean {
  switch (operator) {
    case "Bool":
    case "StringEquals":
      return found !== undefined && expected.includes(found);
    case "ArnLike":
    case "ArnEquals":
    case "StringLike":
      return found !== undefined && expected.some((pattern) => like(pattern, found));
    default:
      throw new Error(`a policy has the condition ${operator}`);
  }
}

/** `*` matches any text, `?` any character. */
function like(pattern: string, text: string): boolean {
  const literal = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${literal.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s").test(text);
}
