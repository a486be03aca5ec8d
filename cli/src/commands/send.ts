/** `send`: a message for one agent. */

import type { Command } from "commander";
import { deploymentCommand, withDeployment } from "../deployment/deployment";
import type { Io } from "../io";
import { type WaitOptions, waitOf, withWaiting } from "../options/wait-option";

interface Options extends WaitOptions {
  subject?: string;
}

export function addSend(program: Command, io: Io): void {
  withWaiting(deploymentCommand(program, "send", "send a message to one agent"))
    .argument("<agent>", "the agent")
    .argument("[data]", "JSON, or - to read it from the standard input")
    .option("--subject <subject>", "the subject that selects the handler (default: direct)")
    .action(
      withDeployment<Options>(io, async (deployment, options, agentId = "", argument) => {
        const { printer, target } = deployment;
        const { subject } = options;
        const timeout = waitOf(options);
        const { expectOnline, putMessage, readData } = await import("../messages/message");
        const data = await readData(argument, io);
        await expectOnline(deployment, agentId);
        const message = { agentId, ...(subject !== undefined && { subject }), data };
        if (timeout !== undefined) {
          const { ask } = await import("../messages/asking");
          return ask(deployment, message, timeout, io);
        }
        const messageId = await putMessage(deployment, message);
        if (printer.json) return printer.value({ messageId, agentId, ...(subject && { subject }) });
        printer.lines(
          `Message ${messageId} for ${agentId} is on the event bus ${target.eventBusName}.`,
        );
      }),
    );
}
