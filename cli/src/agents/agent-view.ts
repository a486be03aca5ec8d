/** How a registered agent is shown. */

import type { JobTerms, RegisteredAgent } from "@agent-heartbeat/sdk/registry";
import { ago, duration, moment, relative } from "../terminal/durations";
import type { Printer } from "../terminal/printer";
import { type Column, fields } from "../terminal/table";
import { profileFields } from "./profile-view";

/** One agent with all that the registry holds of it. */
export function printAgent(agent: RegisteredAgent, now: number, printer: Printer): void {
  if (printer.json) {
    printer.value(agent);
    return;
  }
  const { green, red } = printer.colours;
  printer.lines(
    ...fields(
      [
        ["agent", agent.agentId],
        ["organization", agent.organizationId],
        ["role", agent.role],
        ...(agent.job ? [["due", scheduleText(agent.job)] as const] : []),
        ["enabled", agent.enabled ? "yes" : "no", agent.enabled ? green : red],
        ...(agent.description ? [["description", agent.description] as const] : []),
        ...profileFields(agent.profile),
        ["registered", `${moment(agent.createdAt)} (${ago(agent.createdAt, now)})`],
        ["changed", `${moment(agent.updatedAt)} (${ago(agent.updatedAt, now)})`],
        ...(agent.enrolmentId ? [["enrolment", agent.enrolmentId] as const] : []),
        ...(agent.ephemeralMs === undefined
          ? []
          : [["ephemeral", `${duration(agent.ephemeralMs)} after it was last seen`] as const]),
        ...(agent.expiresAt === undefined
          ? []
          : [["ends", `${moment(agent.expiresAt)} (${relative(agent.expiresAt, now)})`] as const]),
        ...agent.publicKeys.map(
          ({ keyId, algorithm, addedAt }) =>
            ["key", `${keyId} (${algorithm}, added ${ago(addedAt, now)})`] as const,
        ),
      ],
      printer.colours,
    ),
  );
}

/** `every 1 h 0 min, grace 10:00`, or `0 3 * * * Europe/Berlin, grace 10:00, at most 2 h 0 min`. */
export function scheduleText({ everyMs, cron, timezone, graceMs, maxRunMs }: JobTerms): string {
  return [
    cron === undefined
      ? `every ${duration(everyMs ?? 0)}`
      : [cron, ...(timezone ? [timezone] : [])].join(" "),
    `grace ${duration(graceMs)}`,
    ...(maxRunMs === undefined ? [] : [`at most ${duration(maxRunMs)}`]),
  ].join(", ");
}

/** Columns of a table of agents. */
export function agentColumns(now: number, printer: Printer): Column<RegisteredAgent>[] {
  const { green, red, bold } = printer.colours;
  return [
    {
      title: "AGENT",
      text: (agent) => agent.agentId,
      paint: (text) => bold(text),
      cut: "middle",
    },
    { title: "ROLE", text: (agent) => agent.role },
    {
      title: "ENABLED",
      text: (agent) => (agent.enabled ? "yes" : "no"),
      paint: (text, agent) => (agent.enabled ? green(text) : red(text)),
    },
    {
      title: "KEYS",
      text: ({ job, publicKeys }) =>
        job ? `ping ${scheduleText(job)}` : publicKeys.map((key) => key.algorithm).join(", "),
    },
    { title: "REGISTERED", text: (agent) => ago(agent.createdAt, now) },
    { title: "ENROLMENT", text: (agent) => agent.enrolmentId ?? "-" },
    { title: "DESCRIPTION", text: (agent) => agent.description ?? "", cut: "end" },
  ];
}
