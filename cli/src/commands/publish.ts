/** `publish`: a message for every agent that is subscribed to a subject, or for one that has a capability. */

import type { Command } from "commander";
import { deploymentCommand, withDeployment } from "../deployment/deployment";
import type { Io } from "../io";
import { type WaitOptions, waitOf, withWaiting } from "../options/wait-option";

interface Options extends WaitOptions {
  capability?: string;
}

export function addPublish(program: Command, io: Io): void {
  withWaiting(
    deploymentCommand(program, "publish", "send a message to the subscribers of a subject"),
  )
    .argument("<subject>", "the subject, such as tasks.process")
    .argument("[data]", "JSON, or - to read it from the standard input")
    .option("--capability <name>", "send it to one agent that has this capability instead")
    .action(
      withDeployment<Options>(io, async (deployment, options, subject = "", argument) => {
        const { printer, target } = deployment;
        const { capability } = options;
        const timeout = waitOf(options);
        const { expectCapable, putMessage, readData } = await import("../messages/message");
        const data = await readData(argument, io);
        if (capability !== undefined) await expectCapable(deployment, capability);
        const message = { subject, ...(capability !== undefined && { capability }) };
        if (timeout !== undefined) {
          const { ask } = await import("../messages/asking");
          return ask(deployment, { ...message, data }, timeout, io);
        }
        const messageId = await putMessage(deployment, { ...message, data });
        if (printer.json) return printer.value({ messageId, ...message });
        printer.lines(`Message ${messageId} is on the event bus ${target.eventBusName}.`);
      }),
    );
}
