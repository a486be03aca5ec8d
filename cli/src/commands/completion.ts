/** `completion`: what makes a shell complete the command. */

import { Argument, type Command } from "commander";
import type { Shell } from "../completion";
import type { Io } from "../io";

const SHELLS: readonly Shell[] = ["bash", "zsh"];

export function addCompletion(program: Command, io: Io): void {
  program
    .command("completion")
    .summary("print a shell completion script")
    .description("Print a shell completion script for commands and options.")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText(
      "after",
      `
In ~/.bashrc:  source <(agent-heartbeat completion bash)
In ~/.zshrc, after compinit:  source <(agent-heartbeat completion zsh)`,
    )
    .action(async (shell: Shell) => {
      const { completionScript } = await import("../completion");
      io.stdout.write(completionScript(program, shell));
    });
}
