/** Reads a `publish`. Apart from clients' other messages, because only one function reads it. */

import * as v from "valibot";
import { agentId, capability, id, MessageError, parse, text, whole } from "./client-messages";
import { LIMITS } from "./limits";
import type { PublishMessage } from "./protocol";
import { DIRECT_SUBJECT, isSubject, SUBJECT_FORM } from "./subject";
import { isTraceparent, isTracestate, TRACESTATE_LENGTH } from "./trace-context";

const subject = text(isSubject, SUBJECT_FORM);

const publish = v.object({
  type: v.literal("publish"),
  id,
  subject: v.optional(subject),
  data: v.optional(v.unknown()),
  to: v.optional(agentId),
  capability: v.optional(capability),
  replyTo: v.optional(subject),
  expiresInMs: v.optional(v.pipe(whole, v.minValue(1), v.maxValue(LIMITS.requestMs))),
  attempt: v.optional(v.pipe(whole, v.minValue(1), v.maxValue(LIMITS.attempts))),
  traceparent: v.optional(text(isTraceparent, "a W3C traceparent")),
  tracestate: v.optional(text(isTracestate, `at most ${TRACESTATE_LENGTH} characters`)),
});

/** @throws MessageError if the body is not a publish. */
export function parsePublish(
  body: string | null | undefined,
): PublishMessage & { subject: string } {
  const message = parse(publish, body) as PublishMessage;
  const { to, capability, subject = (to ?? capability) && DIRECT_SUBJECT } = message;
  if (to !== undefined && capability !== undefined) {
    const expected = "capability: expected none beside an agent in to, got both";
    throw new MessageError("invalid_message", expected, message.id);
  }
  if (subject !== undefined) return { ...message, subject };
  throw new MessageError("invalid_message", "subject is missing", message.id);
}
