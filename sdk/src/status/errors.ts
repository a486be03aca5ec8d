/** What callers may have passed wrongly, so that a mistake is named instead of found by DynamoDB. */

import { AgentHeartbeatError } from "../errors";

/** An id, a limit or another argument is not of the form that is expected. */
export class InvalidArgumentError extends AgentHeartbeatError {
  override name = "InvalidArgumentError";
}

/** A cursor that this organization's list has not given out. */
export class InvalidCursorError extends InvalidArgumentError {
  override name = "InvalidCursorError";
}
