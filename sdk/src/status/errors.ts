/** What callers may have passed wrongly, so that a mistake is named instead of found by DynamoDB. */

import { AgentHeartbeatError } from "../errors";

/** An id, a limit or another argument is invalid. */
export class InvalidArgumentError extends AgentHeartbeatError {
  override name = "InvalidArgumentError";
}

/** A cursor that does not come from this organization's list. */
export class InvalidCursorError extends InvalidArgumentError {
  override name = "InvalidCursorError";
}
