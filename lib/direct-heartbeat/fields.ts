/**
 * The fields of a heartbeat, as a mapping template can check them, and what is said where one is wrong. They are
 * those of `core/client-messages.ts`; a test holds what both accept equal.
 */

import { LIMITS } from "../../core/protocol";

/** What a value has to be. */
interface Form {
  /** What a client is told was expected. */
  expected: string;
  /** A VTL condition that holds for a wrong value. `$raw` is the value as JSON, `$value` as it is. */
  isWrong: string;
}

export interface Field extends Form {
  /** As in `activity.task`. */
  path: string;
}

export interface ActivityField extends Field {
  name: string;
  /** The type by which DynamoDB keeps it. */
  kept: "S" | "N";
}

const COUNT_LIMIT = 1_000_000_000;

const text = (limit: number): Form => ({
  expected: `a string of at most ${limit} characters`,
  isWrong: `!$raw.startsWith('"') || $value.length() > ${limit}`,
});

/** Fifteen digits hold every time, and fit a number of JavaScript and of Java. */
const time: Form = {
  expected: "a whole number of at most 15 digits",
  isWrong: '!$raw.matches("[0-9]{1,15}")',
};

const count: Form = {
  expected: `a whole number of at most ${COUNT_LIMIT}`,
  isWrong: `!$raw.matches("[0-9]{1,10}") || $value > ${COUNT_LIMIT}`,
};

const STATES = ["idle", "working", "blocked", "draining"];

/** Fields of the message itself, but for the activity. */
export const MESSAGE_FIELDS: readonly Field[] = [
  { path: "id", ...text(LIMITS.messageIdLength) },
  { path: "ack", expected: "a boolean", isWrong: '$raw != "true" && $raw != "false"' },
];

/** The activity as a whole. */
export const ACTIVITY: Field = {
  path: "activity",
  expected: "an object",
  isWrong: '!$raw.startsWith("{")',
};

/** The one field that an activity must have. */
export const STATE: Field = {
  path: "activity.state",
  expected: STATES.map((state) => `"${state}"`).join(" or "),
  isWrong: STATES.map((state) => `$raw != '"${state}"'`).join(" && "),
};

/** What else an activity may have, in the order of the protocol. */
export const ACTIVITY_FIELDS: readonly ActivityField[] = [
  activityField("task", "S", text(LIMITS.activityTextLength)),
  activityField("startedAt", "N", time),
  activityField("progressAt", "N", time),
  activityField("maxSilenceMs", "N", count),
  activityField("note", "S", text(LIMITS.activityTextLength)),
  activityField("inFlight", "N", count),
  activityField("eventLoopLagMs", "N", count),
];

/** Every field, in the order in which a message is checked. */
export const FIELDS: readonly Field[] = [...MESSAGE_FIELDS, ACTIVITY, STATE, ...ACTIVITY_FIELDS];

/** What names a wrong field in a request that DynamoDB refuses. Ends so that no name begins another. */
export const faultOf = ({ path }: Field): string => `fault_${path.replace(".", "_")}_is_wrong`;

function activityField(name: string, kept: ActivityField["kept"], form: Form): ActivityField {
  return { name, kept, path: `activity.${name}`, ...form };
}
