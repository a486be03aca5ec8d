/** `agents list`: who is registered. */

import type { RegisteredAgent } from "@agent-heartbeat/sdk/registry";
import type { Command } from "commander";
import { agentColumns } from "../agents/agent-view";
import { deploymentCommand, withDeployment } from "../deployment/deployment";
import type { Io } from "../io";

export function addAgentsList(agents: Command, io: Io): void {
  deploymentCommand(agents, "list", "list the registered agents").action(
    withDeployment(io, async ({ registry, organizationId, printer }) => {
      const all: RegisteredAgent[] = [];
      for await (const agent of registry.all(organizationId)) all.push(agent);
      if (printer.json) return printer.value(all);
      if (all.length === 0) {
        return printer.lines(`Organization ${organizationId} has no registered agents.`);
      }
      printer.table(all, agentColumns(io.now(), printer));
    }),
  );
}
