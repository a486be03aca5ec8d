/** `publish`: a message for every agent that is subscribed to a subject. */

import type { Command } from "commander";
import { deploymentCommand, withDeployment } from "../deployment";
import type { Io } from "../io";
import { putMessage, readData } from "../message";

export function addPublish(program: Command, io: Io): void {
  deploymentCommand(program, "publish", "send a message to the subscribers of a subject")
    .argument("<subject>", "the subject, such as tasks.process")
    .argument("[data]", "JSON, or - to read it from the standard input")
    .action(
      withDeployment(io, async (deployment, _, subject = "", argument) => {
        const { printer, target } = deployment;
        const data = await readData(argument, io);
        const messageId = await putMessage(deployment, { subject, data });
        if (printer.json) return printer.value({ messageId, subject });
        printer.lines(`Message ${messageId} is on the event bus ${target.eventBusName}.`);
      }),
    );
}
