/** How presence is shown: the derived status, with times by the server's clock. */

import type { AgentPresence } from "@agent-heartbeat/sdk/status";
import { profileFields } from "../agents/profile-view";
import { ago, duration, moment, relative } from "../terminal/durations";
import type { Printer } from "../terminal/printer";
import { type Column, fields } from "../terminal/table";
import { activityText } from "./activity";
import { type StatusFilter, wordOf } from "./status-filter";

/** Columns of a table of agents. */
export function presenceColumns(now: number, printer: Printer): Column<AgentPresence>[] {
  const { bold, dim, yellow } = printer.colours;
  return [
    {
      title: "AGENT",
      text: (agent) => agent.agentId,
      paint: (text) => bold(text),
      cut: "middle",
    },
    {
      title: "STATUS",
      text: (agent) => `${agent.status === "online" ? "●" : "○"} ${wordOf(agent)}`,
      paint: (text, agent) => colourOf(wordOf(agent), printer)(text),
    },
    { title: "FOR", text: ({ since }) => duration(now - since) },
    { title: "HEARTBEAT", text: ({ lastHeartbeatAt }) => ago(lastHeartbeatAt, now) },
    {
      title: "LEASE ENDS",
      text: ({ status, leaseExpiresAt }) =>
        status === "online" ? relative(leaseExpiresAt, now) : "-",
      paint: (text, agent) => (isLate(agent, now) ? yellow(text) : text),
    },
    { title: "REASON", text: ({ reason }) => reason ?? "-", paint: (text) => dim(text) },
    {
      title: "ACTIVITY",
      text: (agent) => activityText(agent, now),
      cut: "end",
    },
  ];
}

/** One agent, a line for each thing known of it. */
export function printPresence(agent: AgentPresence, now: number, printer: Printer): void {
  const online = agent.status === "online";
  const activity = activityText(agent, now);
  const past = (time: number) => `${moment(time)} (${ago(time, now)})`;
  printer.lines(
    ...fields(
      [
        ["agent", agent.agentId],
        ["status", agent.status, colourOf(wordOf(agent), printer)],
        ...(agent.reason ? [["reason", agent.reason] as const] : []),
        ...(agent.stalledSince ? [["stalled since", past(agent.stalledSince)] as const] : []),
        ["since", past(agent.since)],
        ["last heartbeat", past(agent.lastHeartbeatAt)],
        [
          online ? "lease ends" : "lease ended",
          `${moment(agent.leaseExpiresAt)} (${relative(agent.leaseExpiresAt, now)})`,
        ],
        ["interval", duration(agent.heartbeatIntervalMs)],
        ["lease", duration(agent.leaseMs)],
        ["connected", past(agent.connectedAt)],
        ["connection", agent.connectionId],
        ["instance", agent.instanceId],
        ...(activity ? [["activity", activity] as const] : []),
        ...profileFields(agent.profile),
      ],
      printer.colours,
    ),
  );
}

/** `2 online, 1 offline` */
export function summary(agents: readonly AgentPresence[], printer: Printer): string {
  const online = agents.filter((agent) => agent.status === "online").length;
  const { green, red } = printer.colours;
  const parts = [
    ...(online ? [green(`${online} online`)] : []),
    ...(agents.length > online ? [red(`${agents.length - online} offline`)] : []),
  ];
  return parts.join(", ") || "no agents";
}

/** Colours a status. */
export function paintWord(word: StatusFilter, printer: Printer): string {
  return colourOf(word, printer)(word);
}

function colourOf(word: StatusFilter, { colours }: Printer): (text: string) => string {
  if (word === "stalled") return colours.yellow;
  if (word === "draining") return colours.blue;
  return word === "online" ? colours.green : colours.red;
}

/** Whether a heartbeat has been missed, though the lease still runs. */
function isLate({ status, lastHeartbeatAt, heartbeatIntervalMs }: AgentPresence, now: number) {
  return status === "online" && now - lastHeartbeatAt > 1.5 * heartbeatIntervalMs;
}
