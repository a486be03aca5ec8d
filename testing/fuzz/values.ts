/**
 * Values that a malicious client may send to break parsers, stores and screens, and messages made
 * of them.
 */

import fc from "fast-check";
import type { ClientMessage } from "../../core/protocol";

/** Strings known to cause trouble. */
export const HOSTILE_TEXTS: readonly string[] = [
  "",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "x\udc00\ud800x",
  "é",
  "e\u0301",
  "\u202egnp.exe",
  "\u2066a\u2069",
  "\u001b[2J\u001b]0;owned\u0007",
  "\u009b31m",
  "\u2028\u2029",
  "__proto__",
  "constructor",
  "prototype",
  "hasOwnProperty",
  "toString",
  "NaN",
  "Infinity",
  "-0",
  "0x10",
  "null",
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "=HYPERLINK(1)",
  "a#b",
  "agent#a1",
  "nonce#a1#x",
  "#sweep",
  "other",
  "../../etc/passwd",
  "a1\n",
  ">",
  "*",
  "presence.a1",
  "_inbox.b1.x",
  "😀".repeat(64),
  "x".repeat(65),
  "x".repeat(100_000),
];

/** Numbers at and beyond every limit. The strings are JSON that JavaScript never writes. */
const HOSTILE_NUMBERS = [
  0,
  -1,
  0.5,
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 63),
  1e126,
  1e308,
  -1e308,
  5e-324,
  8.64e15 + 1,
];

const nested = (depth: number, open: string, close: string) =>
  JSON.parse(`${open.repeat(depth)}1${close.repeat(depth)}`) as unknown;

const MOST_CODE_POINT = 0x10_ffff;
const isSurrogate = (codePoint: number) => codePoint >= 0xd800 && codePoint <= 0xdfff;

/**
 * A string of any code points. The unit "binary" of fast-check has the same, but takes a second to index them all before
 * the first string.
 */
export const binaryText = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .array(
      fc.integer({ min: 0, max: MOST_CODE_POINT }).filter((codePoint) => !isSurrogate(codePoint)),
      { maxLength },
    )
    .map((codePoints) => String.fromCodePoint(...codePoints));

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXTS),
  binaryText(80),
);

export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: hostileText },
  { weight: 3, arbitrary: fc.constantFrom<unknown>(...HOSTILE_NUMBERS) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>(
      null,
      true,
      false,
      [],
      {},
      [[]],
      [{}],
      JSON.parse('{"__proto__":{"role":"admin","isAdmin":true}}'),
      JSON.parse('{"constructor":{"prototype":{"polluted":true}}}'),
      nested(100, "[", "]"),
      nested(100, '{"a":', "}"),
    ),
  },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
);

/** A valid message of each type, from which invalid ones are derived. */
const VALID: Readonly<Record<ClientMessage["type"], Record<string, unknown>>> = {
  heartbeat: {
    type: "heartbeat",
    id: "m1",
    activity: {
      state: "working",
      task: "tasks.process",
      startedAt: 1_790_000_000_000,
      progressAt: 1_790_000_000_000,
      maxSilenceMs: 60_000,
      note: "half",
      inFlight: 1,
      eventLoopLagMs: 3,
    },
  },
  heartbeat_quiet: { type: "heartbeat_quiet", id: "m1", activity: { state: "idle" } },
  profile: { type: "profile", id: "m1", capabilities: ["summarize"], metadata: { version: "1" } },
  subscribe: { type: "subscribe", id: "m1", subject: "tasks.*" },
  unsubscribe: { type: "unsubscribe", id: "m1", subject: "tasks.*" },
  publish: {
    type: "publish",
    id: "m1",
    subject: "tasks.process",
    data: { n: 1 },
    to: "a2",
    replyTo: "_inbox.a1.1",
  },
  list: { type: "list", id: "m1", status: "online", cursor: null, limit: 10, profiles: true },
  history: { type: "history", id: "m1", agentId: "a1" },
};

export const TYPES = Object.keys(VALID) as ClientMessage["type"][];

/** A message with hostile, missing or additional fields. */
function twisted(type: ClientMessage["type"]): fc.Arbitrary<string> {
  const good = VALID[type];
  const fields = Object.keys(good).filter((name) => name !== "type");
  const extra = ["organizationId", "agentId", "role", "__proto__", "constructor", "to", "from"];
  const change = fc.record({
    name: fc.constantFrom(...fields, ...fields, ...extra),
    value: hostileValue,
  });
  const inner = fc.option(
    fc.record({ name: fc.constantFrom(...Object.keys(activityOf(good))), value: hostileValue }),
    { nil: undefined, freq: 1 },
  );
  return fc
    .tuple(fc.array(change, { minLength: 1, maxLength: 3 }), inner, fc.subarray(fields))
    .map(([changes, inside, left]) => {
      const message: Record<string, unknown> = { type };
      for (const name of left) own(message, name, good[name]);
      for (const { name, value } of changes) own(message, name, value);
      if (inside && type === "heartbeat") {
        const activity = { ...activityOf(good) };
        own(activity, inside.name, inside.value);
        own(message, "activity", activity);
      }
      return JSON.stringify(message);
    });
}

const activityOf = (message: Record<string, unknown>) =>
  (message.activity ?? { none: 0 }) as Record<string, unknown>;

/** Defines an own property, whatever its name: in JSON, `__proto__` is an ordinary key. */
function own(object: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** JSON text that `JSON.stringify` never produces. */
function crafted(type: ClientMessage["type"]): fc.Arbitrary<string> {
  const message = JSON.stringify(VALID[type]);
  return fc.constantFrom(
    "",
    "\ufeff{}",
    "nonsense",
    "null",
    "[]",
    "0",
    '"x"',
    `[${message}]`,
    `${message}${message}`,
    message.replace("{", '{"type":"list","type":"nothing",'),
    message.replace("{", '{"id":"first","id":{},'),
    message.replace(/"m1"/, "1e999"),
    message.replace(/10|true/, "-1e999"),
    message.replace("}", ',"toJSON":"x"}'),
    `{"type":"${type}","subject":"a","agentId":"a1","data":${"[".repeat(60_000)}${"]".repeat(60_000)}}`,
    `{"type":"${type}","subject":"a","agentId":"a1","metadata":${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}}`,
    `{"type":"${type}","subject":"a","agentId":"a1","activity":${'{"state":'.repeat(10_000)}1${"}".repeat(10_000)}}`,
    `{"type":"${type}","subject":"a","agentId":"a1","id":${JSON.stringify("i".repeat(128 * 1024 - 64))}}`,
    `{"type":"${type}",${JSON.stringify("k".repeat(120_000))}:1}`,
  );
}

/** An arbitrary text as a message to a route. */
export const hostileBody = (type: ClientMessage["type"]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: twisted(type) },
    { weight: 2, arbitrary: crafted(type) },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: binaryText(200) },
  );
