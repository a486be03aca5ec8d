/** Reads agents by what was asked for. */

import type { AgentPresence } from "@agent-heartbeat/sdk/status";
import type { Deployment } from "../deployment/deployment";
import { matches, type StatusFilter, statusOf } from "./status-filter";

/** All agents that match, in the order of their ids. Reads every status of the organization. */
export async function readAgents(
  { statuses, organizationId }: Pick<Deployment, "statuses" | "organizationId">,
  filter?: StatusFilter,
  capability?: string,
): Promise<AgentPresence[]> {
  const status = statusOf(filter);
  const wanted = { organizationId, ...(status && { status }) };
  const found = capability
    ? statuses.agentsWithCapability({ ...wanted, capability })
    : statuses.allAgents(wanted);
  const agents: AgentPresence[] = [];
  for await (const agent of found) if (matches(agent, filter)) agents.push(agent);
  return agents;
}
