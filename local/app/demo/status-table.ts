/** The demo's table: each agent's derived status, and the state of its process. */

import type { AgentPresence } from "@agent-heartbeat/sdk/status";
import pc from "picocolors";
import type { AgentProcess } from "./agent-process";

const WIDTHS = [12, 11, 8, 11, 34, 18];
const TITLES = ["AGENT", "STATUS", "FOR", "HEARTBEAT", "REASON, ACTIVITY", "PROCESS"];

const PROCESS_NOTES: Record<AgentProcess["state"], string> = {
  running: "",
  killed: "killed",
  frozen: "stopped",
  leaving: "leaving",
  ended: "ended",
};

/** @param now epoch milliseconds by the server's clock */
export function statusTable(
  presence: AgentPresence[],
  agents: AgentProcess[],
  now: number,
): string[] {
  const rows = agents.map((agent) =>
    rowOf(
      agent,
      presence.find(({ agentId }) => agentId === agent.agentId),
      now,
    ),
  );
  const online = presence.filter(({ status }) => status === "online").length;
  const summary = `${online} of ${agents.length} online`;
  return ["", pc.dim(cells(TITLES).join("")), ...rows, pc.dim(summary)];
}

function rowOf(agent: AgentProcess, presence: AgentPresence | undefined, now: number): string {
  const online = presence?.status === "online";
  const [id, status, since, heartbeat, reason, process] = cells([
    agent.agentId,
    online ? "● online" : "○ offline",
    presence ? age(now - presence.since) : "",
    presence ? `${age(now - presence.lastHeartbeatAt)} ago` : "never",
    presence?.reason ?? doing(presence, now),
    [agent.pid, PROCESS_NOTES[agent.state]].filter(Boolean).join(" "),
  ]) as [string, string, string, string, string, string];
  const paint = online ? pc.green : pc.red;
  const note = agent.state === "running" ? pc.dim(process) : pc.yellow(process);
  const what = presence?.stalledSince ? pc.yellow : online ? pc.reset : pc.red;
  return [pc.bold(id), paint(status), since, pc.dim(heartbeat), what(reason), note].join("");
}

/** The work of an online agent. */
function doing(presence: AgentPresence | undefined, now: number): string {
  const activity = presence?.activity;
  if (presence?.stalledSince) return `stalled for ${age(now - presence.stalledSince)}`;
  if (activity?.state !== "working") return activity?.state ?? "";
  return [activity.task, activity.note].filter(Boolean).join(", ");
}

const cells = (texts: string[]) => texts.map((text, index) => text.padEnd(WIDTHS[index] ?? 0));

/** As in `42 s` or `3 min`. */
function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
