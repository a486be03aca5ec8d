/** Replies of several functions. */

import type { ErrorMessage, SupersededMessage } from "../../core/protocol";

/** A newer process of the agent holds the lease. */
export const SUPERSEDED: SupersededMessage = { type: "superseded" };

/** The agent or its key was locked out. */
export const REVOKED: ErrorMessage = {
  type: "error",
  code: "revoked",
  message: "the agent was disabled or removed",
};

/** An unexpected failure, which only the log describes. */
export const INTERNAL: ErrorMessage = {
  type: "error",
  code: "internal",
  message: "the service failed; send the message again",
};
