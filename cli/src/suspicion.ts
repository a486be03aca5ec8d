/** Says in words that the service suspects itself of not hearing its agents. */

import type { MassExpiry } from "@agent-heartbeat/sdk/status";
import { ago, relative } from "./durations";

/** A sentence without the name of what it is about. */
export function suspicionText({ suspectedAt, heldUntil }: MassExpiry, now: number): string {
  const until = heldUntil > now ? relative(heldUntil, now) : "with the next sweep";
  return (
    `very many agents fell silent at once ${ago(suspectedAt, now)}, so that the service may not hear them; ` +
    `unless they return, their offline events are published ${until}.`
  );
}

/** The same as a warning of its own. */
export const bewareOf = (massExpiry: MassExpiry, now: number): string =>
  `Beware: ${suspicionText(massExpiry, now)}`;

export const SUSPICION_ADVICE =
  "Look at the service before the agents: `doctor`, and `runbook MassExpirySuspected`.";
