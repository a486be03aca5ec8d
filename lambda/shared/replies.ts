/** Replies that several functions give. */

import type { ErrorMessage, SupersededMessage } from "../../core/protocol";

/** A newer process of the agent holds the lease. */
export const SUPERSEDED: SupersededMessage = { type: "superseded" };

/** The agent may not connect any more. */
export const REVOKED: ErrorMessage = {
  type: "error",
  code: "revoked",
  message: "the agent was disabled or removed",
};

/** Nobody knows what went wrong but the log. */
export const INTERNAL: ErrorMessage = {
  type: "error",
  code: "internal",
  message: "the service failed; send the message again",
};
