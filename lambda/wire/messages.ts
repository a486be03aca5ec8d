/** Reads clients' messages: what came is checked against the protocol, and a refusal says what was wrong. */

import {
  type Activity,
  type ErrorCode,
  type HeartbeatMessage,
  LIMITS,
  type ListMessage,
} from "@agent-heartbeat/sdk/protocol";
import * as v from "valibot";

/** A message that the service does not accept. Its text is meant for the client. */
export class MessageError extends Error {
  override name = "MessageError";

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly id?: string,
  ) {
    super(message);
  }
}

const id = v.optional(v.pipe(v.string(), v.maxLength(LIMITS.messageIdLength)));
const time = v.pipe(v.number(), v.integer(), v.minValue(0));
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000_000));

const activity = v.object({
  state: v.picklist(["idle", "working", "blocked", "draining"]),
  task: v.optional(v.pipe(v.string(), v.maxLength(LIMITS.activityTextLength))),
  startedAt: v.optional(time),
  progressAt: v.optional(time),
  inFlight: v.optional(count),
  eventLoopLagMs: v.optional(count),
}) satisfies v.GenericSchema<unknown, OrUndefined<Activity>>;

const heartbeat = v.object({
  type: v.literal("heartbeat"),
  id,
  ack: v.optional(v.boolean()),
  activity: v.optional(activity),
}) satisfies v.GenericSchema<unknown, unknown>;

const list = v.object({
  type: v.literal("list"),
  id,
  status: v.optional(v.picklist(["online", "offline"])),
  cursor: v.nullish(v.string()),
  limit: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LIMITS.listPageSize)),
  ),
});

/** Optional fields that may also be there as undefined, as a parser leaves them. */
type OrUndefined<T> = { [K in keyof T]: T[K] | (undefined extends T[K] ? undefined : never) };

/** @throws MessageError if the body is not a heartbeat. */
export const parseHeartbeat = (body: string | null | undefined) =>
  parse(heartbeat, body) as HeartbeatMessage;

/** @throws MessageError if the body is not a list. */
export const parseList = (body: string | null | undefined) => parse(list, body) as ListMessage;

/**
 * The JSON object in a message.
 *
 * @throws MessageError (`invalid_json`) if there is none.
 */
export function parseObject(body: string | null | undefined): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body ?? "");
  } catch {
    throw new MessageError("invalid_json", "expected a JSON object, got text that is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new MessageError("invalid_json", `expected a JSON object, got ${kindOf(value)}`);
  }
  return value as Record<string, unknown>;
}

/** The `id` to echo, where the message has a usable one. */
export function idOf(message: Record<string, unknown>): string | undefined {
  return v.is(id, message.id) ? message.id : undefined;
}

/** What a JSON value is, in JSON's own words. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function parse<T>(schema: v.GenericSchema<unknown, T>, body: string | null | undefined): T {
  const message = parseObject(body);
  const result = v.safeParse(schema, message, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = v.getDotPath(issue) ?? "message";
  throw new MessageError("invalid_message", `${path}${fault(issue)}`, idOf(message));
}

function fault({ expected, received, message }: v.BaseIssue<unknown>): string {
  if (received === "undefined") return " is missing";
  return expected ? `: expected ${expected}, got ${received}` : `: ${message}`;
}
