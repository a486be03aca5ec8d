/** How presence is shown: the derived status, with times by the server's clock. */

import type { Activity, AgentPresence } from "@agent-heartbeat/sdk/status";
import { ago, duration, moment, relative } from "./durations";
import type { Printer } from "./printer";
import { type Column, fields } from "./table";

/** Columns of a table of agents. */
export function presenceColumns(now: number, printer: Printer): Column<AgentPresence>[] {
  const { bold, dim, yellow } = printer.colours;
  return [
    { title: "AGENT", text: (agent) => agent.agentId, paint: (text) => bold(text) },
    {
      title: "STATUS",
      text: (agent) => `${agent.status === "online" ? "●" : "○"} ${statusWord(agent)}`,
      paint: (text, agent) => paintStatus(text, agent, printer),
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
      text: ({ activity, status }) => (status === "online" ? activityText(activity) : ""),
      flexible: true,
    },
  ];
}

/** One agent, a line for each thing known of it. */
export function printPresence(agent: AgentPresence, now: number, printer: Printer): void {
  const online = agent.status === "online";
  const past = (time: number) => `${moment(time)} (${ago(time, now)})`;
  printer.lines(
    ...fields(
      [
        ["agent", agent.agentId],
        ["status", paintStatus(agent.status, agent, printer)],
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
        ...(online && agent.activity ? [["activity", activityText(agent.activity)] as const] : []),
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

/** Colours a text by the status that it tells of. */
export function paintStatus(
  text: string,
  { status, stalledSince }: Pick<AgentPresence, "status"> & Partial<AgentPresence>,
  { colours }: Printer,
): string {
  if (stalledSince) return colours.yellow(text);
  return status === "online" ? colours.green(text) : colours.red(text);
}

/** An agent that is online, but whose work does not advance, is not fine. */
function statusWord({ status, stalledSince }: AgentPresence): string {
  return stalledSince === null ? status : "stalled";
}

function activityText(activity: Activity | null): string {
  if (!activity) return "";
  return [activity.state, activity.task].filter(Boolean).join(" ");
}

/** Whether a heartbeat has been missed, though the lease still runs. */
function isLate({ status, lastHeartbeatAt, heartbeatIntervalMs }: AgentPresence, now: number) {
  return status === "online" && now - lastHeartbeatAt > 1.5 * heartbeatIntervalMs;
}
