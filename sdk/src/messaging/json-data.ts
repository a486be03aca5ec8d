/** What an application sends, as JSON carries it: what would arrive as something else is refused. */

import { LIMITS } from "../../../core/limits";

/**
 * A copy of a value in which all is JSON. As with `JSON.stringify`, an object with `toJSON` stands for what that returns, and
 * members that are undefined are left out.
 *
 * @param path names the value in the error
 * @throws TypeError where JSON has no such value: NaN, infinite, BigInt, undefined in an array, a function, a Map, a cycle
 */
export function jsonOf(given: unknown, path: string, levels: number = LIMITS.nesting): unknown {
  const { toJSON } = (given ?? {}) as { toJSON?: unknown };
  const value = typeof toJSON === "function" ? toJSON.call(given, "") : given;
  const isPlain = typeof value === "string" || typeof value === "boolean";
  if (value === null || isPlain || Number.isFinite(value)) return value;
  const tag = {}.toString.call(value);
  const isArray = Array.isArray(value);
  if (levels <= 0 || (!isArray && tag !== "[object Object]")) {
    const got = levels <= 0 ? "too deep" : typeof value === "number" ? value : tag;
    throw new TypeError(`${path}: expected JSON, got ${got}`);
  }
  const inner = (each: unknown, name: string) => jsonOf(each, path + name, levels - 1);
  if (isArray) return Array.from(value, (each, index) => inner(each, `[${index}]`));
  const members = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(members.map(([name, each]) => [name, inner(each, `.${name}`)]));
}
