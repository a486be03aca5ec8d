/**
 * Reads the service's messages. Whatever comes, nothing is thrown: what is not of the protocol is read as an `error`,
 * messages of a later version are left out, and so are fields that they have more.
 */

import { isObject, isShallow } from "./json";
import { LIMITS } from "./limits";
import type {
  Activity,
  AgentPresence,
  MassExpiry,
  OnlineCount,
  Profile,
  Transition,
  TransitionRecord,
} from "./presence";
import type { DeliveryMessage, ErrorMessage, ServerMessage } from "./protocol";

/** A message from another client. Not every sender of one says which message it is, and whose. */
export type Delivery = Omit<DeliveryMessage, "messageId" | "from"> &
  Partial<Pick<DeliveryMessage, "messageId" | "from">>;

/** What identifies a delivery: each attempt of a request is a separate one. */
export const deliveryKey = ({ messageId, attempt }: Delivery): string | undefined =>
  messageId && `${messageId} ${attempt}`;

/** Any message that a client gets. */
export type ReceivedMessage = Exclude<ServerMessage, DeliveryMessage> | Delivery;

/** A list of agents has the metadata of each, which may be as deep as a message, below its own levels. */
const MAX_LEVELS = LIMITS.nesting + 4;

/** Returns the value if it is of the type, and throws otherwise. */
type Read<T> = (value: unknown) => T;

/** How to read each field of an object. */
type Fields<T> = { [Name in keyof Required<T>]: Read<T[Name] | Missing<T, Name>> };
type Missing<T, Name extends keyof T> = object extends Pick<T, Name> ? undefined : never;

const check =
  <T>(fits: (value: unknown) => boolean): Read<T> =>
  (value) => {
    if (fits(value)) return value as T;
    throw new TypeError();
  };
const text = check<string>((value) => typeof value === "string");
/** JSON can hold numbers that are too large for JavaScript, which become infinite. */
const number = check<number>(Number.isFinite);
const yes = check<true>((value) => value === true);
const record = check<Record<string, unknown>>(isObject);
/** One of some words. A later version may have further ones. */
const word = text as Read<never>;

/** Without the field where it is of another type. */
const optional =
  <T>(read: Read<T>): Read<T | undefined> =>
  (value) => {
    if (value === undefined) return undefined;
    try {
      return read(value);
    } catch {
      return undefined;
    }
  };
const orNull =
  <T>(read: Read<T>): Read<T | null> =>
  (value) =>
    value === null ? null : read(value);
const list =
  <T>(read: Read<T>): Read<T[]> =>
  (value) => {
    if (Array.isArray(value)) return value.map(read);
    throw new TypeError();
  };
const object =
  <T>(fields: Fields<T>): Read<T> =>
  (value) => {
    const source = record(value);
    const result: Record<string, unknown> = {};
    for (const [name, read] of Object.entries<Read<unknown>>(fields)) {
      const field = read(source[name]);
      if (field !== undefined) result[name] = field;
    }
    return result as T;
  };

const activity = object<Activity>({
  state: word,
  task: optional(text),
  startedAt: optional(number),
  progressAt: optional(number),
  maxSilenceMs: optional(number),
  note: optional(text),
  inFlight: optional(number),
  eventLoopLagMs: optional(number),
});

const PRESENCE: Omit<Fields<AgentPresence>, "reason" | "profile"> = {
  agentId: text,
  status: check((value) => value === "online" || value === "offline"),
  since: number,
  connectedAt: number,
  connectionId: text,
  instanceId: text,
  lastHeartbeatAt: number,
  leaseExpiresAt: number,
  leaseMs: number,
  heartbeatIntervalMs: number,
  activity: orNull(activity),
  stalledSince: orNull(number),
};

const presence = object<AgentPresence>({
  ...PRESENCE,
  reason: orNull(word),
  profile: optional(orNull(object<Profile>({ capabilities: list(text), metadata: record }))),
});

/** Set where an agent is built for browsers: only a fleet's watcher asks for a history. */
declare const ASKS_FOR_NO_HISTORY: true | undefined;

/** Set where the SDK is built for browsers: handlers there take part in no trace. */
declare const IN_BROWSER: true | undefined;

/** The fields of each message, apart from `type` and `id`. */
const MESSAGES: {
  [Type in ReceivedMessage["type"]]: Fields<
    // A client has no use for `incomplete`.
    Omit<Extract<ReceivedMessage, { type: Type }>, "type" | "id" | "incomplete">
  >;
} = {
  heartbeat_ack: {
    serverTime: number,
    leaseExpiresAt: number,
    fencingToken: optional(number),
    heartbeatInterval: optional(number),
    reconnectWindowMs: optional(number),
  },
  profile_ack: {},
  subscribed: { subject: text },
  unsubscribed: { subject: text },
  published: { subject: text, reached: number },
  message: {
    messageId: optional(text),
    group: optional(text),
    direct: optional(yes),
    subject: text,
    data: (value) => value ?? null,
    from: optional(text),
    replyTo: optional(text),
    expiresInMs: optional(number),
    attempt: optional(number),
    ...(typeof IN_BROWSER === "undefined"
      ? { traceparent: optional(text), tracestate: optional(text) }
      : ({} as never)),
  },
  agents: {
    agents: list(presence),
    cursor: orNull(text),
    serverTime: number,
    massExpiry: optional(object<MassExpiry>({ suspectedAt: number, heldUntil: number })),
  },
  history:
    typeof ASKS_FOR_NO_HISTORY === "undefined"
      ? {
          agentId: optional(text),
          transitions: list(
            object<TransitionRecord>({
              transitionId: text,
              event: word,
              reason: word,
              at: number,
              connectionId: text,
              instanceId: text,
            }),
          ),
          counts: optional(
            list(
              object<OnlineCount>({ at: number, online: number, stalled: number, overdue: number }),
            ),
          ),
        }
      : ({} as never),
  superseded: {},
  error: { code: word, message: text },
};

/**
 * The message in a frame.
 *
 * A required field that is missing or of the wrong type makes an `error` of the message, with its `id` and the code
 * `internal`, so that the caller need not wait for it. An optional one is left out.
 *
 * @param frame null for one that is no text
 * @returns undefined for an empty frame, and for a type that this version does not know
 */
export function decodeServerMessage(frame: string | null): ReceivedMessage | undefined {
  // API Gateway may answer with an empty frame where a function has answered with no body.
  if (frame === "") return undefined;
  const value = parsed(frame);
  if (!isObject(value) || typeof value.type !== "string") {
    return fault("invalid_json", "frame");
  }
  const { type, id } = value;
  if (!Object.hasOwn(MESSAGES, type)) return undefined;
  const named = typeof id === "string" && { id };
  const message = optional(object<object>(MESSAGES[type as ReceivedMessage["type"]]))(value);
  return message
    ? ({ type, ...named, ...message } as ReceivedMessage)
    : { ...fault("internal", type), ...named };
}

/**
 * The transition in a message on `presence.<agentId>`.
 *
 * @returns undefined if the data is not one
 */
export function readTransition(data: unknown): Transition | undefined {
  return optional(
    object<Transition>({
      ...PRESENCE,
      transitionId: text,
      organizationId: text,
      event: word,
      previousStatus: orNull(word),
      reason: word,
      at: number,
    }),
  )(data);
}

/** Undefined where it is no JSON, or longer or deeper than any message. */
function parsed(frame: string | null): unknown {
  if (frame === null || frame.length > LIMITS.messageBytes) return undefined;
  try {
    const value: unknown = JSON.parse(frame);
    return isShallow(value, MAX_LEVELS) ? value : undefined;
  } catch {
    return undefined;
  }
}

const fault = (code: ErrorMessage["code"], got: string): ErrorMessage => ({
  type: "error",
  code,
  message: `expected a message of the protocol, got another ${got}`,
});
