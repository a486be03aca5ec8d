/** Display texts for an agent's heartbeat and activity. */

import type { AgentPresence } from "@agent-heartbeat/sdk/protocol";
import { countdownText, spanText } from "../text/duration";
import { plainText } from "../text/plain-text";

const NO_BREAK = "\u00a0";

/** For example `12 s ago, lease ends in 1:18`, based on the last known heartbeat. */
export function heartbeatText(agent: AgentPresence, now: number): string {
  const ago = `${spanText(now - agent.lastHeartbeatAt)} ago`;
  if (agent.status === "offline") return ago;
  return `${ago}, lease ends in ${countdownText(agent.leaseExpiresAt - now)}`;
}

/** For example `tasks.review for 5 s`, or `blocked: tasks.review for 5 s`; of a draining agent, what it still works on. */
export function activityText({ activity, status }: AgentPresence, now: number): string {
  if (!activity || status === "offline") return "–";
  const { state, task, startedAt } = activity;
  // Where the line is too long it breaks before `for`.
  const span = `for ${spanText(now - (startedAt ?? now))}`.replaceAll(" ", NO_BREAK);
  const since = startedAt === undefined ? "" : ` ${span}`;
  if (task === undefined) return `${state}${since}`;
  const shownAsStatus = state === "working" || state === "draining";
  return `${shownAsStatus ? "" : `${state}: `}${plainText(task)}${since}`;
}

export const secondsText = (ms: number): string => `${ms / 1000} s`;
