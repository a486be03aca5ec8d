/** Why an enrolment did not register an agent, and what to do. */

import { KeyError } from "../errors";

/** An enrolment did not register the agent. 429 and 5xx are temporary; all others need an operator. */
export class EnrolmentRefusedError extends KeyError {
  override name = "EnrolmentRefusedError";

  constructor(
    message: string,
    /** The HTTP status. */
    readonly status: number,
    /** As in docs/protocol.md, such as `name_in_use`; `unauthorized` for 401; otherwise the kind of failure, such as `throttled`. */
    readonly reason: string,
    /** For how long the service is not asked again, in milliseconds, as of when it answered. */
    readonly retryAfterMs = 0,
  ) {
    super(message);
  }
}

const ANOTHER = "`agent-heartbeat enrolments create` makes another";

const ADVICE: Readonly<Record<string, string>> = {
  enrolment_revoked: ANOTHER,
  enrolment_expired: ANOTHER,
  enrolment_used_up: ANOTHER,
  name_not_allowed: "`agent-heartbeat enrolments list` shows which names it allows",
  name_in_use:
    "give each process a name of its own, or keep its key in a file (privateKeyPath); `agent-heartbeat agents remove` frees a name",
  agent_disabled: "`agent-heartbeat agents enable` enables it again",
  refused: "is httpUrl the deployment's output HttpUrl?",
};

/** What to do about a refusal; empty if it passes by itself. */
export function adviceOnEnrolment(reason: string, isByRole: boolean): string {
  if (reason !== "unauthorized") return ADVICE[reason] ?? "";
  return isByRole
    ? "is the role of this process one of the enrolment's? The log of the function Http says why (enrolment_refused)"
    : "is it whole, and of this deployment? `agent-heartbeat enrolments list` shows what there is";
}
