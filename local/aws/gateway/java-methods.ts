/** Methods of Java's classes, which mapping templates call on their values, as API Gateway's engine is Java's. */

type Method = (value: never, ...params: never[]) => unknown;

const STRING: Record<string, Method> = {
  length: (text: string) => text.length,
  isEmpty: (text: string) => text === "",
  contains: (text: string, part: string) => text.includes(part),
  equals: (text: string, other: unknown) => text === other,
  // The whole text has to match, unlike in JavaScript.
  matches: (text: string, pattern: string) => new RegExp(`^(?:${pattern})$`).test(text),
  replaceAll: (text: string, pattern: string, replacement: string) =>
    text.replace(new RegExp(pattern, "g"), replacement),
};

// Static methods, which Velocity finds on any instance of the class.
const NUMBER: Record<string, Method> = {
  parseInt: (_: number, text: string) => whole(text),
  parseLong: (_: number, text: string) => whole(text),
};

const MAP: Record<string, Method> = {
  containsKey: (map: object, key: string) => Object.hasOwn(map, key),
  get: (map: Record<string, unknown>, key: string) =>
    Object.hasOwn(map, key) ? map[key] : undefined,
  isEmpty: (map: object) => Object.keys(map).length === 0,
  size: (map: object) => Object.keys(map).length,
};

/** For the engine of templates: what each value can do beside what the engine knows itself. */
export const javaMethods = [
  {
    uid: "java",
    match: ({ property, context }: { property: string; context: unknown }) =>
      methodOf(context, property) !== undefined,
    resolve: (call: { property: string; context: unknown; params: unknown[] }) =>
      methodOf(call.context, call.property)?.(call.context as never, ...(call.params as never[])),
  },
];

function methodOf(value: unknown, name: string): Method | undefined {
  const methods = methodsOf(value);
  return Object.hasOwn(methods, name) ? methods[name] : undefined;
}

function methodsOf(value: unknown): Record<string, Method> {
  if (typeof value === "string") return STRING;
  if (typeof value === "number") return NUMBER;
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  return isMap ? MAP : {};
}

/** @throws Error as Java does, where the text is no whole number */
function whole(text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw new Error(`NumberFormatException: For input string: "${text}"`);
}
