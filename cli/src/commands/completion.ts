/** `completion`: what makes a shell complete the command. */

import { Argument, type Command } from "commander";
import { completionScript, SHELLS, type Shell } from "../completion";
import type { Io } from "../io";

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
    .action((shell: Shell) => io.stdout.write(completionScript(program, shell)));
}
