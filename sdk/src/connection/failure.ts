/** Reads the end of a connection: why it ended, and so by which schedule to try again. */

import { type AgentHeartbeatError, ConnectionError, LoginRefusedError } from "../errors";
import { hint } from "../hint";
import { EnrolmentRefusedError } from "../platform/enrolment-refusal";
import { inBrowser } from "../platform/in-browser";
import type { HandshakeRefusal } from "../platform/runtime";
import type { FailureKind } from "./backoff";
import { type ConnectionEnd, describeEnd, isRefused } from "./connection";
import { GATEWAY_CODES } from "./reconnect-window";
import type { Failure } from "./state";

/** The server's longest wish that is followed, so that a wrong header can't park an agent. */
const MAX_RETRY_AFTER_MS = 60 * 60_000;

/** API Gateway: this client sent too much. */
const THROTTLED_CODE = 1008;

/** The server says that the agent, or its key, is locked out. It closes the connection; the client does not wait for that. */
export const REVOKED: Failure = { kind: "refused", message: "the agent was disabled or removed" };

/** What an end means for the next attempt. */
export function failureOf(end: ConnectionEnd): Failure {
  const message = describeEnd(end);
  if (isRefused(end)) {
    return { kind: kindOfStatus(end.status), message, status: end.status };
  }
  if (!inBrowser) {
    const refusal = enrolmentRefusalIn(end);
    if (refusal) return { ...enrolmentFailure(refusal), message };
  }
  if (end.how !== "closed") return { kind: "network", message };
  return { kind: kindOfCode(end.code), message, code: end.code };
}

/** Why there was nothing to log in with, if an enrolment was refused. Not for pages. */
export function enrolmentRefusalIn(end: ConnectionEnd): EnrolmentRefusedError | undefined {
  const isRefusal = end.how === "failed" && end.error instanceof EnrolmentRefusedError;
  return isRefusal ? (end.error as EnrolmentRefusedError) : undefined;
}

function enrolmentFailure({ status, reason: enrolment }: EnrolmentRefusedError) {
  // A lease ends by itself, a name that belongs to another key does not come free.
  const kind = status === 409 ? "refused" : kindOfStatus(status);
  return { kind, status, enrolment };
}

/** The kind of failure that an HTTP status is. */
export function kindOfStatus(status: number): FailureKind {
  if (status === 409) return "conflict";
  if (status === 429) return "throttled";
  if (status >= 500) return "unavailable";
  // 401 and 403, and whatever else says that trying again soon will not help, such as 404.
  return "refused";
}

function kindOfCode(code: number): FailureKind {
  if (GATEWAY_CODES.has(code)) return "gateway";
  return code === THROTTLED_CODE ? "throttled" : "network";
}

/**
 * The delay that `Retry-After` asks for, in milliseconds; 0 without one.
 *
 * @param now epoch milliseconds by the server's clock, for the header's form as a date
 */
export function retryAfterMs({ retryAfter, date }: HandshakeRefusal, now: number): number {
  if (!retryAfter) return 0;
  const seconds = Number(retryAfter);
  const sentAt = Date.parse(date ?? "");
  const delay = Number.isNaN(seconds)
    ? Date.parse(retryAfter) - (Number.isNaN(sentAt) ? now : sentAt)
    : seconds * 1000;
  return Number.isNaN(delay) ? 0 : Math.min(Math.max(delay, 0), MAX_RETRY_AFTER_MS);
}

/** A failure as an error to throw or report. */
export function errorOf(agentId: string, failure: Failure): AgentHeartbeatError {
  const message = `${agentId}: expected a connection, got: ${failure.message}${inBrowser ? "" : adviceOn(failure)}`;
  if (!inBrowser && failure.status !== undefined && failure.enrolment !== undefined)
    return new EnrolmentRefusedError(message, failure.status, failure.enrolment);
  if (!inBrowser && failure.status !== undefined)
    return new LoginRefusedError(message, failure.status);
  return new ConnectionError(message, failure.code);
}

function adviceOn({ kind, enrolment }: Failure): string {
  // Its message says what to do.
  if (enrolment !== undefined) return "";
  if (kind === "refused") {
    return hint(
      "`agent-heartbeat doctor` checks the URL, the clock, and whether the key is registered",
    );
  }
  if (kind !== "conflict") return "";
  return hint('another process holds the agent, and onDuplicate is "reject": stop it or wait');
}
