/** `mcp`: lets an assistant ask about the fleet, by the Model Context Protocol. */

import { type Command, InvalidArgumentError } from "commander";
import {
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import type { Io } from "../io";
import { ACTIONS, type Action } from "../mcp/allowed";

interface Options extends DeploymentOptions {
  allow?: Action[];
}

export function addMcp(program: Command, io: Io): void {
  deploymentCommand(
    program,
    "mcp",
    "let an AI assistant ask about the fleet, over the Model Context Protocol",
  )
    .option("--allow <actions>", `what the assistant may do, any of ${ACTIONS.join(",")}`, actions)
    .addHelpText(
      "after",
      "\nIt uses standard input and output, and runs until its input ends. Without --allow it only reads.",
    )
    .action(
      withDeployment<Options>(io, async (deployment, { allow = [] }) => {
        const { serve } = await import("../mcp/server");
        await serve(deployment, allow, io);
      }),
    );
}

function actions(text: string): Action[] {
  const words = text.split(",").map((word) => word.trim());
  const unknown = words.find((word) => !ACTIONS.includes(word as Action));
  if (unknown === undefined) return words as Action[];
  throw new InvalidArgumentError(`Expected any of ${ACTIONS.join(", ")}, separated by commas.`);
}
