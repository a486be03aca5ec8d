/** What both directions of the protocol check of a JSON value before they look closer. */

import { LIMITS } from "./limits";

/** Whether a value is an object, and no array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is nested no deeper than a message may be: parsing it has no limit, writing it again has. */
export function isShallow(value: unknown, levels: number = LIMITS.nesting): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1));
}
