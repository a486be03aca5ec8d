import { describe, expect, it } from "@jest/globals";
import { parsePattern } from "../../../../local/aws/events/pattern";

const cases: [name: string, pattern: unknown, matching: unknown[], others: unknown[]][] = [
  ["a value", { a: ["x"] }, [{ a: "x" }, { a: ["y", "x"] }], [{ a: "y" }, {}, { a: { b: "x" } }]],
  ["any of several values", { a: ["x", 1, null] }, [{ a: 1 }, { a: null }], [{ a: "1" }, {}]],
  ["every field", { a: ["x"], b: ["y"] }, [{ a: "x", b: "y" }], [{ a: "x" }, { b: "y" }]],
  ["a nested field", { a: { b: ["x"] } }, [{ a: { b: "x" } }], [{ b: "x" }, { a: "x" }]],
  ["exists", { a: [{ exists: true }] }, [{ a: null }, { a: "" }], [{}, { a: { b: 1 } }]],
  ["absence", { a: [{ exists: false }] }, [{}, { b: 1 }], [{ a: "x" }]],
  [
    "absence below what is absent",
    { a: { b: [{ exists: false }] } },
    [{}, { a: {} }],
    [{ a: { b: 1 } }],
  ],
  ["a prefix", { a: [{ prefix: "ab" }] }, [{ a: "abc" }], [{ a: "ba" }, { a: 1 }, {}]],
  ["a suffix", { a: [{ suffix: "bc" }] }, [{ a: "abc" }], [{ a: "bca" }]],
  [
    "a prefix in any case",
    { a: [{ prefix: { "equals-ignore-case": "AB" } }] },
    [{ a: "abc" }],
    [{ a: "b" }],
  ],
  ["a text in any case", { a: [{ "equals-ignore-case": "AB" }] }, [{ a: "ab" }], [{ a: "abc" }]],
  ["a wildcard", { a: [{ wildcard: "a*.c" }] }, [{ a: "abb.c" }, { a: "a.c" }], [{ a: "abbxc" }]],
  [
    "anything but a value",
    { a: [{ "anything-but": "x" }] },
    [{ a: "y" }, { a: 1 }],
    [{ a: "x" }, {}],
  ],
  [
    "anything but some",
    { a: [{ "anything-but": ["x", "y"] }] },
    [{ a: "z" }],
    [{ a: "x" }, { a: "y" }],
  ],
  [
    "anything but a prefix",
    { a: [{ "anything-but": { prefix: "x" } }] },
    [{ a: "yx" }],
    [{ a: "xy" }],
  ],
  [
    "a range",
    { a: [{ numeric: [">", 0, "<=", 5] }] },
    [{ a: 5 }],
    [{ a: 0 }, { a: 6 }, { a: "5" }],
  ],
  [
    "either of two fields",
    { $or: [{ a: [1] }, { b: [1] }] },
    [{ a: 1 }, { b: 1 }],
    [{ a: 2, b: 2 }],
  ],
];

describe("an event pattern", () => {
  it.each(cases)("matches %s", (_, pattern, matching, others) => {
    const matches = parsePattern(pattern);
    for (const event of matching) expect([event, matches(event)]).toEqual([event, true]);
    for (const event of others) expect([event, matches(event)]).toEqual([event, false]);
  });

  it("fails with the field of an unknown operator", () => {
    expect(() => parsePattern({ a: { b: [{ sounds: "x" }] } })).toThrow(
      /pattern\.a\.b.*got sounds/,
    );
  });

  it("fails with the field that is neither a list nor an object", () => {
    expect(() => parsePattern({ a: { b: "x" } })).toThrow(
      'pattern.a.b: expected an object, got "x"',
    );
  });
});
