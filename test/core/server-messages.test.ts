import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { LIMITS } from "../../core/limits";
import type { ServerMessage } from "../../core/protocol";
import { decodeServerMessage, readTransition } from "../../core/server-messages";
import { presence, transition } from "../../testing/fleet-watchers";
import { runs } from "../../testing/fuzz/runs";
import { HOSTILE_TEXTS } from "../../testing/fuzz/values";

const decode = (message: unknown) => decodeServerMessage(JSON.stringify(message));

const activity = {
  state: "working",
  task: "t",
  startedAt: 1,
  progressAt: 2,
  maxSilenceMs: 3,
  note: "n",
  inFlight: 4,
  eventLoopLagMs: 5,
} as const;
const profile = { capabilities: ["c"], metadata: { deep: { list: [1, null, "x"] } } };
const { transitionId, event, reason, at, connectionId, instanceId } = transition("a1");

/** Every message, with every field. */
const MESSAGES: { [Type in ServerMessage["type"]]: Extract<ServerMessage, { type: Type }> } = {
  heartbeat_ack: {
    type: "heartbeat_ack",
    id: "1",
    serverTime: 1,
    leaseExpiresAt: 2,
    heartbeatInterval: 3,
    reconnectWindowMs: 4,
  },
  profile_ack: { type: "profile_ack", id: "1" },
  subscribed: { type: "subscribed", id: "1", subject: "a.>" },
  unsubscribed: { type: "unsubscribed", id: "1", subject: "a.>" },
  published: { type: "published", id: "1", subject: "a", reached: 2 },
  message: {
    type: "message",
    messageId: "m",
    subject: "a",
    data: { any: [1] },
    from: "a2",
    replyTo: "_inbox.a2.x",
  },
  agents: {
    type: "agents",
    id: "1",
    agents: [
      presence("a1", { activity, profile }),
      presence("a2", { status: "offline", reason: "drained", stalledSince: 5, profile: null }),
    ],
    cursor: "next",
    serverTime: 1,
    massExpiry: { suspectedAt: 1, heldUntil: 2 },
  },
  history: {
    type: "history",
    id: "1",
    agentId: "a1",
    transitions: [{ transitionId, event, reason, at, connectionId, instanceId }],
    counts: [{ at, online: 2, stalled: 1, overdue: 0 }],
  },
  superseded: { type: "superseded", id: "1" },
  error: { type: "error", id: "1", code: "forbidden", message: "no" },
};
const ALL = Object.values(MESSAGES);

/** The same message with an additional field in each of its objects. */
function extended(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(extended);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => [
    name,
    name === "metadata" || name === "data" ? inner : extended(inner),
  ]);
  return { ...Object.fromEntries(entries), later: { version: 2 } };
}

describe("a message from the service", () => {
  it.each(ALL.map((message) => [message.type, message] as const))(
    "%s is read with all its fields, and without those of a later version",
    (_, message) => {
      expect(decode(message)).toEqual(message);
      expect(decode(extended(message))).toEqual(message);
    },
  );

  it("is ignored if its type is unknown, or if the frame is empty", () => {
    for (const type of ["from_a_later_version", "", "constructor", "__proto__", "toString"]) {
      expect(decode({ type })).toBeUndefined();
    }
    expect(decodeServerMessage("")).toBeUndefined();
  });

  it("without a required field, or with an invalid one, is an error for the same request", () => {
    for (const message of ALL) {
      const { type, id, ...required } = { id: "1", ...message } as Record<string, unknown>;
      for (const optional of ["heartbeatInterval", "reconnectWindowMs", "massExpiry", "data"]) {
        delete required[optional];
      }
      for (const name of ["messageId", "from", "replyTo", "counts"]) delete required[name];
      if (type === "history") delete required.agentId;
      for (const name of Object.keys(required)) {
        for (const wrong of [undefined, true, [null]]) {
          expect(decode({ ...message, id, [name]: wrong })).toEqual({
            type: "error",
            code: "internal",
            message: `expected a message of the protocol, got another ${type}`,
            id: "1",
          });
        }
      }
    }
  });

  it("is read without invalid optional fields", () => {
    const { id, serverTime, leaseExpiresAt } = MESSAGES.heartbeat_ack;
    const ack = { type: "heartbeat_ack", id, serverTime, leaseExpiresAt };
    expect(decode({ ...ack, heartbeatInterval: "5", reconnectWindowMs: null })).toEqual(ack);
    expect(decode({ type: "superseded", id: 7 })).toEqual({ type: "superseded" });
    const bare = { type: "message", subject: "a" };
    expect(decode({ ...bare, from: 1, messageId: {}, replyTo: [] })).toEqual({
      ...bare,
      data: null,
    });
  });

  it("contains only finite numbers", () => {
    const frame = '{"type":"heartbeat_ack","serverTime":1e999,"leaseExpiresAt":1}';
    expect(decodeServerMessage(frame)).toMatchObject({ type: "error", code: "internal" });
  });

  it.each([
    ["no text", null],
    ["no JSON", "{"],
    ["no object", "[]"],
    ["without a type", "{}"],
    ["with a type that is no text", '{"type":["message"]}'],
    ["too long", JSON.stringify({ type: "superseded", x: "x".repeat(LIMITS.messageBytes) })],
    ["too deep", `{"type":"message","subject":"a","data":${"[".repeat(99)}${"]".repeat(99)}}`],
  ])("is an error if the frame is %s", (_, frame) => {
    expect(decodeServerMessage(frame)).toMatchObject({ type: "error", code: "invalid_json" });
  });

  it("may contain metadata as deep as an accepted profile's", () => {
    const depth = LIMITS.nesting - 1;
    const text = `${'{"x":'.repeat(depth)}1${"}".repeat(depth)}`;
    const deep = { capabilities: [], metadata: JSON.parse(text) };
    const page = { ...MESSAGES.agents, agents: [presence("a1", { profile: deep })] };
    expect(decode(page)).toEqual(page);
  });

  it("never throws, whatever the frame contains", () => {
    const frame = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constantFrom(...HOSTILE_TEXTS),
      fc
        .tuple(fc.constantFrom(...ALL), fc.string(), fc.jsonValue())
        .map(([message, name, value]) => JSON.stringify({ ...message, [name]: value })),
      fc
        .tuple(
          fc
            .constantFrom(...ALL)
            .chain((m) => fc.tuple(fc.constant(m), fc.constantFrom(...Object.keys(m)))),
          fc.jsonValue(),
        )
        .map(([[message, name], value]) => JSON.stringify({ ...message, [name]: value })),
    );
    fc.assert(
      fc.property(frame, (text) => {
        const message = decodeServerMessage(text);
        if (message) expect(Object.keys(MESSAGES)).toContain(message.type);
      }),
      { numRuns: runs(500) },
    );
  });
});

describe("a transition", () => {
  it("is read from a message's data, without other fields", () => {
    const told = transition("a1", { activity, stalledSince: 5 });
    expect(readTransition(told)).toEqual(told);
    expect(readTransition(extended(told))).toEqual(told);
  });

  it.each([[null], ["text"], [[]], [{ agentId: "a1" }]])("is not in %j", (data) => {
    expect(readTransition(data)).toBeUndefined();
  });
});
