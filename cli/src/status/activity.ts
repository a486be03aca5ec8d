/** What an agent says that it does, in words. */

import type { AgentPresence } from "@agent-heartbeat/sdk/status";
import { duration } from "../terminal/durations";

/** A loop that is later than this is worth a word. */
const LATE_LOOP_MS = 1000;

/**
 * `working on tasks.process for 42 s`, `blocked 40 s`, `stalled 2:00 on tasks.process`, `draining`; empty
 * for an agent that is offline or says nothing.
 *
 * @param now epoch milliseconds by the server's clock
 */
export function activityText(agent: AgentPresence, now: number): string {
  const { status, activity } = agent;
  if (status !== "online" || !activity) return "";
  const { inFlight = 0, eventLoopLagMs = 0, note } = activity;
  const lag = duration(eventLoopLagMs);
  const blocked = activity.state === "blocked";
  return [
    blocked && eventLoopLagMs >= LATE_LOOP_MS ? `blocked ${lag}` : doing(agent, now),
    ...(inFlight > 1 ? [`${inFlight} in flight`] : []),
    ...(!blocked && eventLoopLagMs >= LATE_LOOP_MS ? [`event loop ${lag} late`] : []),
    ...(note ? [note] : []),
  ].join(", ");
}

function doing({ activity, stalledSince }: AgentPresence, now: number): string {
  if (!activity) return "";
  const { state, task, startedAt } = activity;
  const on = task ? ` on ${task}` : "";
  if (stalledSince !== null) return `stalled ${duration(now - stalledSince)}${on}`;
  const busy = state === "working" || state === "blocked";
  return `${state}${on}${busy && startedAt ? ` for ${duration(now - startedAt)}` : ""}`;
}
