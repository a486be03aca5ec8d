/** Evaluates the policy that an authorizer returned. */

interface Statement {
  Effect?: unknown;
  Action?: unknown;
  Resource?: unknown;
}

/** Whether a policy allows invoking a method. An explicit Deny overrides every Allow. */
export function allows(policyDocument: unknown, methodArn: string): boolean {
  const { Statement } = (policyDocument ?? {}) as { Statement?: unknown };
  const matching = asList(Statement).filter((statement) => {
    const { Action, Resource } = statement as Statement;
    return matchesAny(Action, "execute-api:Invoke") && matchesAny(Resource, methodArn);
  }) as Statement[];
  return (
    matching.some(({ Effect }) => Effect === "Allow") &&
    !matching.some(({ Effect }) => Effect === "Deny")
  );
}

function matchesAny(patterns: unknown, text: string): boolean {
  return asList(patterns).some((pattern) => {
    const parts = String(pattern).split(/([*?])/);
    const source = parts.map((part) =>
      part === "*" ? ".*" : part === "?" ? "." : part.replace(/[\\^$.+()[\]{}|]/g, "\\$&"),
    );
    return new RegExp(`^${source.join("")}$`, "i").test(text);
  });
}

const asList = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value];
