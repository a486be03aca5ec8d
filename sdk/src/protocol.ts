/**
 * The wire protocol in types: every message, limit and name that client and server share; and the events on the bus.
 *
 * @module @agent-heartbeat/sdk/protocol
 */

export * from "../../core/agent-id";
export * from "../../core/events";
export * from "../../core/limits";
export * from "../../core/login-claims";
export * from "../../core/presence";
export * from "../../core/protocol";
export * from "../../core/roles";
export {
  agentToken,
  DIRECT_SUBJECT,
  isPattern,
  isSubject,
  matchesSubject,
  PATTERN_FORM,
  RESERVED,
  SUBJECT_FORM,
} from "../../core/subject";
