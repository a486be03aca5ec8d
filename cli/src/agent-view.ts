/** How a registered agent is shown. */

import type { RegisteredAgent } from "@agent-heartbeat/sdk/registry";
import { ago, moment } from "./durations";
import type { Printer } from "./printer";
import { type Column, fields } from "./table";

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
        ["enabled", agent.enabled ? green("yes") : red("no")],
        ...(agent.description ? [["description", agent.description] as const] : []),
        ...profileOf(agent),
        ["registered", `${moment(agent.createdAt)} (${ago(agent.createdAt, now)})`],
        ["changed", `${moment(agent.updatedAt)} (${ago(agent.updatedAt, now)})`],
        ...agent.publicKeys.map(
          ({ keyId, algorithm, addedAt }) =>
            ["key", `${keyId} (${algorithm}, added ${ago(addedAt, now)})`] as const,
        ),
      ],
      printer.colours,
    ),
  );
}

/** What the agent says of itself, where it has said anything. */
function profileOf({ profile }: RegisteredAgent): (readonly [string, string])[] {
  if (!profile) return [];
  const { capabilities, metadata } = profile;
  return [
    ...(capabilities.length > 0 ? [["capabilities", capabilities.join(", ")] as const] : []),
    ...(Object.keys(metadata).length > 0 ? [["metadata", JSON.stringify(metadata)] as const] : []),
  ];
}

/** Columns of a table of agents. */
export function agentColumns(now: number, printer: Printer): Column<RegisteredAgent>[] {
  const { green, red, bold } = printer.colours;
  return [
    { title: "AGENT", text: (agent) => agent.agentId, paint: (text) => bold(text) },
    { title: "ROLE", text: (agent) => agent.role },
    {
      title: "ENABLED",
      text: (agent) => (agent.enabled ? "yes" : "no"),
      paint: (text, agent) => (agent.enabled ? green(text) : red(text)),
    },
    { title: "KEYS", text: (agent) => agent.publicKeys.map((key) => key.algorithm).join(", ") },
    { title: "REGISTERED", text: (agent) => ago(agent.createdAt, now) },
    { title: "DESCRIPTION", text: (agent) => agent.description ?? "", flexible: true },
  ];
}
