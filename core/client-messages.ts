/** Reads clients' messages: what came is checked against the protocol, and a refusal says what was wrong. */

import * as v from "valibot";
import { ID_PATTERN } from "./agent-id";
import { isObject, isShallow } from "./json";
import { LIMITS } from "./limits";
import type { Activity } from "./presence";
import type {
  ErrorCode,
  HeartbeatMessage,
  HistoryMessage,
  ListMessage,
  ProfileMessage,
  QuietHeartbeatMessage,
  SubscribeMessage,
  UnsubscribeMessage,
} from "./protocol";
import { isPattern, PATTERN_FORM } from "./subject";

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

export const id = v.optional(v.pipe(v.string(), v.maxLength(LIMITS.messageIdLength)));

/** What `isShallow` asks for, for error messages. */
export const NESTING_FORM = `expected at most ${LIMITS.nesting} levels of nesting`;

/** The last moment that a `Date` can hold; a DynamoDB number has less room than a JSON one. */
const LAST_MOMENT = 8_640_000_000_000_000;

export const whole = v.pipe(v.number(), v.integer("expected a whole number"), v.minValue(0));
const time = v.pipe(whole, v.maxValue(LAST_MOMENT));
const count = v.pipe(whole, v.maxValue(1_000_000_000));

/** A text to store. JSON can hold halves of characters, which no store takes: they become U+FFFD. */
const shortText = v.pipe(
  v.string(),
  v.maxLength(LIMITS.activityTextLength),
  v.transform((value) => value.toWellFormed()),
);

const activity = v.object({
  state: v.picklist(["idle", "working", "blocked", "draining"]),
  task: v.optional(shortText),
  startedAt: v.optional(time),
  progressAt: v.optional(time),
  maxSilenceMs: v.optional(count),
  note: v.optional(shortText),
  inFlight: v.optional(count),
  eventLoopLagMs: v.optional(count),
}) satisfies v.GenericSchema<unknown, OrUndefined<Activity>>;

const heartbeat = v.object({
  type: v.picklist(["heartbeat", "heartbeat_quiet"]),
  id,
  activity: v.optional(activity),
});

const httpHeartbeat = v.object({ activity: v.optional(activity) });

const list = v.object({
  type: v.literal("list"),
  id,
  status: v.optional(v.picklist(["online", "offline"])),
  cursor: v.nullish(v.string()),
  limit: v.optional(v.pipe(whole, v.minValue(1), v.maxValue(LIMITS.listPageSize))),
  profiles: v.optional(v.boolean()),
});

/** A text of some form; the issue says which one was expected. */
export const text = (fits: (value: string) => boolean, form: string) =>
  v.pipe(v.string(), v.check(fits, `expected ${form}`));
/** An agent's id in a message. */
export const agentId = text((value) => ID_PATTERN.test(value), "an agent id");
const pattern = text(isPattern, PATTERN_FORM);

/** What an agent can do. */
export const capability = v.pipe(shortText, v.minLength(1));

const profile = v.object({
  type: v.literal("profile"),
  id,
  capabilities: v.optional(v.pipe(v.array(capability), v.maxLength(LIMITS.capabilities))),
  // Not v.record, which leaves out keys such as "constructor".
  metadata: v.optional(v.custom<Record<string, unknown>>(isObject, "expected an object")),
});

const group = v.optional(text((value) => ID_PATTERN.test(value), "a group in the form of an id"));

const subscribe = v.object({ type: v.literal("subscribe"), id, subject: pattern, group });

const unsubscribe = v.object({ type: v.literal("unsubscribe"), id, subject: pattern, group });

const history = v.object({ type: v.literal("history"), id, agentId: v.optional(agentId) });

/** Optional fields that may also be there as undefined, as a parser leaves them. */
type OrUndefined<T> = { [K in keyof T]: T[K] | (undefined extends T[K] ? undefined : never) };

/** @throws MessageError if the body is not a heartbeat. */
export const parseHeartbeat = (body: string | null | undefined) =>
  parse(heartbeat, body) as HeartbeatMessage | QuietHeartbeatMessage;

/** @throws MessageError if the body of an HTTP heartbeat is neither empty nor one. */
export const parseHttpHeartbeat = (body: string): Pick<HeartbeatMessage, "activity"> =>
  body.trim() === "" ? {} : (parse(httpHeartbeat, body) as Pick<HeartbeatMessage, "activity">);

/** @throws MessageError if the body is not a list. */
export const parseList = (body: string | null | undefined) => parse(list, body) as ListMessage;

/** @throws MessageError if the body is not a profile. */
export const parseProfile = (body: string | null | undefined) =>
  parse(profile, body) as ProfileMessage;

/** @throws MessageError if the body is not a subscribe. */
export const parseSubscribe = (body: string | null | undefined) =>
  parse(subscribe, body) as SubscribeMessage;

/** @throws MessageError if the body is not an unsubscribe. */
export const parseUnsubscribe = (body: string | null | undefined) =>
  parse(unsubscribe, body) as UnsubscribeMessage;

/** @throws MessageError if the body is not a history. */
export const parseHistory = (body: string | null | undefined) =>
  parse(history, body) as HistoryMessage;

/**
 * The JSON object in a message.
 *
 * @throws MessageError (`invalid_json`) if it is not one.
 */
export function parseObject(body: string | null | undefined): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body ?? "");
  } catch {
    throw new MessageError("invalid_json", "expected a JSON object, got text that is not JSON");
  }
  if (!isObject(value)) {
    throw new MessageError("invalid_json", `expected a JSON object, got ${kindOf(value)}`);
  }
  if (!isShallow(value)) {
    throw new MessageError("invalid_message", `message: ${NESTING_FORM}, got more`, idOf(value));
  }
  return value;
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

/** @throws MessageError if the body does not match the schema. */
export function parse<T>(schema: v.GenericSchema<unknown, T>, body: string | null | undefined): T {
  const message = parseObject(body);
  const result = v.safeParse(schema, message, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = v.getDotPath(issue) ?? "message";
  throw new MessageError("invalid_message", `${path}${fault(issue)}`, idOf(message));
}

/** What was wrong, in few words: what came may be as long as a message. */
function fault({ expected, received, message }: v.BaseIssue<unknown>): string {
  if (received === "undefined") return " is missing";
  const wanted = message.startsWith("expected") ? message : `expected ${expected}`;
  const came = { Object: "an object", Array: "an array" }[received] ?? shortened(received);
  return `: ${wanted}, got ${came}`;
}

const shortened = (text: string) => (text.length <= 66 ? text : `${text.slice(0, 65)}…`);
