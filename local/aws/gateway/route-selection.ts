/** Evaluates the API's route selection expression. */

import { LocalRuntimeError } from "../errors";

/** Returns the expression's value for a message; undefined if it has none. */
export type RouteSelector = (body: string) => string | undefined;

/** @throws LocalRuntimeError if the expression does not select a field of the body */
export function routeSelector(expression: string): RouteSelector {
  const match = /^\$(\{)?request\.body\.([A-Za-z0-9_.-]+)\}?$/.exec(expression);
  if (!match?.[2]) {
    throw new LocalRuntimeError(
      `RouteSelectionExpression: expected one like $request.body.action, got ${expression}`,
    );
  }
  const path = match[2].split(".");
  return (body) => {
    let value: unknown;
    try {
      value = JSON.parse(body);
    } catch {
      return undefined;
    }
    for (const key of path) {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, key))
        return undefined;
      value = (value as Record<string, unknown>)[key];
    }
    return typeof value === "object" ? undefined : String(value);
  };
}
