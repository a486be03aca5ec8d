/** The SDK's own policy: its real backoff, and its real classification of closed connections. */

import { reconnectWindowMs } from "../../../lambda/authorize/reconnect-window";
import { Backoff } from "../../../sdk/src/connection/backoff";
import { failureOf } from "../../../sdk/src/connection/failure";
import { advisedWindowMs, fleetWindowMs } from "../../../sdk/src/connection/reconnect-window";
import { resolveOptions } from "../../../sdk/src/options";
import { CONNECTS_PER_SECOND } from "./gateway";
import type { Outcome, Policy } from "./policies";

/** How clients notice that their connections are lost. */
export type Loss = "closed by the gateway" | "cut off" | "silent";

const ENDS = {
  "closed by the gateway": { how: "closed", code: 1012, reason: "" },
  "cut off": { how: "closed", code: 1006, reason: "" },
} as const;

const REFUSED = { how: "refused", status: 429 } as const;
const UNREACHABLE = { how: "failed", error: new Error("no route") } as const;

/** The age of a connection that is neither new nor due for rotation. */
const AGE_MS = 30 * 60_000;

const { schedules } = resolveOptions(
  { agentId: "agent", organizationId: "acme", url: "wss://bench.test/prod" },
  "heartbeat",
).managerOptions;

export interface OwnPolicy {
  name?: string;
  loss: Loss;
  /** The fleet size counted by the sweep. 0 means no reconnect window. */
  counted: number;
  /** Overrides the window for the delay after a loss, given the advertised window. */
  lossWindowMs?: (advisedMs: number) => number;
}

export function ownPolicy({
  name = "HeartbeatAgent",
  loss,
  counted,
  lossWindowMs,
}: OwnPolicy): Policy {
  const advisedMs = advisedWindowMs(reconnectWindowMs(counted, CONNECTS_PER_SECOND));
  const failures = new Map(
    Object.entries({
      lost: loss === "silent" ? null : ENDS[loss],
      refused: REFUSED,
      unreachable: UNREACHABLE,
    }).map(([outcome, end]) => [
      outcome as Outcome,
      end
        ? { kind: failureOf(end).kind, fleetWindowMs: fleetWindowMs(end, AGE_MS, advisedMs) }
        : { kind: "unresponsive" as const, fleetWindowMs: 0 },
    ]),
  );
  const lost = failures.get("lost");
  if (lost && lossWindowMs) lost.fleetWindowMs = lossWindowMs(advisedMs);
  return {
    name,
    source: "sdk/src/connection/backoff.ts, sdk/src/connection/reconnect-window.ts",
    client: (random) => {
      const backoff = new Backoff(schedules, { random });
      return {
        next: (outcome) => {
          const failure = failures.get(outcome);
          if (!failure) throw new Error(`expected an outcome, got ${outcome}`);
          return backoff.next(failure.kind, failure);
        },
      };
    },
  };
}
