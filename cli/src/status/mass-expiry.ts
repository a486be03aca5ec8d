/** Explains a suspected mass expiry: the service may not receive its agents' heartbeats. */

import type { MassExpiry } from "@agent-heartbeat/sdk/status";
import { ago, relative } from "../terminal/durations";

/** The explanation, as the second half of a sentence. */
export function massExpiryText({ suspectedAt, heldUntil }: MassExpiry, now: number): string {
  const until = heldUntil > now ? relative(heldUntil, now) : "with the next sweep";
  return (
    `very many agents fell silent at once ${ago(suspectedAt, now)}, so the service itself may be at fault; ` +
    `unless they come back, it publishes their offline events ${until}.`
  );
}

/** The same as a warning. */
export const massExpiryWarning = (massExpiry: MassExpiry, now: number): string =>
  `Warning: ${massExpiryText(massExpiry, now)}`;

export const MASS_EXPIRY_ADVICE =
  "Check the service before the agents: `doctor`, and `runbook MassExpirySuspected`.";
