/** `send`: a message for one agent. */

import type { Command } from "commander";
import { type DeploymentOptions, deploymentCommand, withDeployment } from "../deployment";
import type { Io } from "../io";
import { expectOnline, putMessage, readData } from "../message";

interface Options extends DeploymentOptions {
  subject?: string;
}

export function addSend(program: Command, io: Io): void {
  deploymentCommand(program, "send", "send a message to one agent")
    .argument("<agent>", "the agent")
    .argument("[data]", "JSON, or - to read it from the standard input")
    .option("--subject <subject>", "the subject that selects the handler (default: direct)")
    .action(
      withDeployment<Options>(io, async (deployment, { subject }, agentId = "", argument) => {
        const { printer, target } = deployment;
        const data = await readData(argument, io);
        await expectOnline(deployment, agentId);
        const message = { agentId, ...(subject !== undefined && { subject }), data };
        const messageId = await putMessage(deployment, message);
        if (printer.json) return printer.value({ messageId, agentId, ...(subject && { subject }) });
        printer.lines(
          `Message ${messageId} for ${agentId} is on the event bus ${target.eventBusName}.`,
        );
      }),
    );
}
