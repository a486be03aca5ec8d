/** `why`: explains an agent's status from all that is stored of it. */

import type { Command } from "commander";
import { deploymentCommand, withDeployment } from "../deployment/deployment";
import { CliError, EXIT } from "../failure";
import type { Io } from "../io";
import { printable } from "../terminal/printable";

export function addWhy(program: Command, io: Io): void {
  deploymentCommand(program, "why", "explain why an agent is online or not, and what to do")
    .argument("<agent>", "the agent")
    .action(
      withDeployment(io, async (deployment, _, agentId = "") => {
        const { printer, organizationId } = deployment;
        const { factsOf } = await import("../diagnosis/facts");
        const facts = await factsOf(deployment, agentId, io);
        const { diagnose } = await import("../diagnosis/diagnosis");
        const { explanation, advice } = diagnose(facts);
        if (printer.json) {
          const { registered, stored, derived, history } = facts;
          printer.value({ agentId, explanation, advice, derived, stored, registered, history });
        } else {
          const { default: wrapAnsi } = await import("wrap-ansi");
          const paragraph = explanation.map(printable).join(" ");
          printer.lines(wrapAnsi(paragraph, printer.width ?? LINE_LENGTH));
          const { pastLines } = await import("../events/past");
          const past = pastLines(facts.history, facts.now, printer);
          if (past.length > 0) printer.lines("", ...past);
          if (advice.length > 0) printer.lines("", ...advice.map((step) => `→ ${printable(step)}`));
        }
        if (!facts.registered && !facts.stored) {
          throw new CliError(
            `Organization ${organizationId} has no agent ${agentId}, and no record of one.`,
            EXIT.notFound,
          );
        }
      }),
    );
}

const LINE_LENGTH = 100;
