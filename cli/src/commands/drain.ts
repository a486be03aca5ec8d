/** `drain`: asks an agent to finish its work and leave. */

import type { Command } from "commander";
import { deploymentCommand, withDeployment } from "../deployment/deployment";
import type { Io } from "../io";

export function addDrain(program: Command, io: Io): void {
  deploymentCommand(program, "drain", "ask an agent to finish its work and leave")
    .argument("<agent>", "the agent, which must run with remoteDrain: true")
    .action(
      withDeployment(io, async (deployment, _options, agentId = "") => {
        const { DRAIN_SUBJECT, expectOnline, putMessage } = await import("../messages/message");
        await expectOnline(deployment, agentId);
        const message = { agentId, subject: DRAIN_SUBJECT, data: null };
        const messageId = await putMessage(deployment, message);
        const { printer } = deployment;
        if (printer.json) return printer.value({ messageId, agentId });
        printer.lines(
          `Asked agent ${agentId} to drain. It drains only if it runs with remoteDrain; see \`status ${agentId}\`.`,
        );
      }),
    );
}
