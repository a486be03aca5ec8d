/** The tree of commands. */

import { Command } from "commander";
import { addAgentsDisable } from "./commands/agents-disable";
import { addAgentsEnable } from "./commands/agents-enable";
import { addAgentsGet } from "./commands/agents-get";
import { addAgentsImport } from "./commands/agents-import";
import { addAgentsList } from "./commands/agents-list";
import { addAgentsRegister } from "./commands/agents-register";
import { addAgentsRemove } from "./commands/agents-remove";
import { addAgentsRemoveKey } from "./commands/agents-remove-key";
import { addAgentsRotateKey } from "./commands/agents-rotate-key";
import { addCompletion } from "./commands/completion";
import { addConformance } from "./commands/conformance";
import { addCost } from "./commands/cost";
import { addDashboard } from "./commands/dashboard";
import { addDoctor } from "./commands/doctor";
import { addDrain } from "./commands/drain";
import { addEnrolmentsCreate } from "./commands/enrolments-create";
import { addEnrolmentsList } from "./commands/enrolments-list";
import { addEnrolmentsRevoke } from "./commands/enrolments-revoke";
import { addEvents } from "./commands/events";
import { addKeysGenerate } from "./commands/keys-generate";
import { addLocal } from "./commands/local";
import { addMcp } from "./commands/mcp";
import { addMetrics } from "./commands/metrics";
import { addOrganizationsList } from "./commands/organizations-list";
import { addPublish } from "./commands/publish";
import { addRunbook } from "./commands/runbook";
import { addSend } from "./commands/send";
import { addSimulate } from "./commands/simulate";
import { addStatus } from "./commands/status";
import { addTokenInspect } from "./commands/token-inspect";
import { addWhy } from "./commands/why";
import { EXIT, EXIT_MEANINGS } from "./failure";
import type { Io } from "./io";
import { coloursFor } from "./terminal/printer";
import { VERSION } from "./version";

const DEFAULT_WIDTH = 80;

/** The whole command, which writes to `io` and throws CommanderError instead of ending the process. */
export function createProgram(io: Io): Command {
  const { bold } = coloursFor(io.stdout, io.env);
  const program = new Command("agent-heartbeat")
    .description("Presence of agents: who is online, and why the others are not.")
    .version(VERSION)
    .option("--debug", "show the stack trace of an error")
    .option("--no-color", "print without colours (or set NO_COLOR)")
    .addHelpText("after", `\nExit codes:\n${exitCodes()}`)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // Errors of usage are reported like all others.
      outputError: () => undefined,
      getOutHelpWidth: () => io.stdout.columns ?? DEFAULT_WIDTH,
      getErrHelpWidth: () => io.stderr.columns ?? DEFAULT_WIDTH,
      getOutHasColors: () => true,
      getErrHasColors: () => true,
    })
    .configureHelp({ styleTitle: (title) => bold(title), showGlobalOptions: true })
    .helpCommand(false);

  addLocal(program, io);
  addStatus(program, io);
  addWhy(program, io);
  addEvents(program, io);
  addDashboard(program, io);
  addMetrics(program, io);
  addMcp(program, io);
  addSend(program, io);
  addPublish(program, io);
  addDrain(program, io);
  const agents = program
    .command("agents")
    .summary("register, change and revoke agents")
    .description("Register agents, change their keys, and disable or remove them.");
  addAgentsRegister(agents, io);
  addAgentsImport(agents, io);
  addAgentsList(agents, io);
  addAgentsGet(agents, io);
  addAgentsDisable(agents, io);
  addAgentsEnable(agents, io);
  addAgentsRotateKey(agents, io);
  addAgentsRemoveKey(agents, io);
  addAgentsRemove(agents, io);
  const enrolments = program
    .command("enrolments")
    .summary("let fleets register themselves")
    .description("Create and revoke tokens with which the agents of a fleet register themselves.");
  addEnrolmentsCreate(enrolments, io);
  addEnrolmentsList(enrolments, io);
  addEnrolmentsRevoke(enrolments, io);
  const organizations = program
    .command("organizations")
    .summary("list the organizations")
    .description("List the organizations of a deployment.");
  addOrganizationsList(organizations, io);
  const keys = program
    .command("keys")
    .summary("generate key pairs")
    .description("Generate key pairs for agents.");
  addKeysGenerate(keys, io);
  const token = program
    .command("token")
    .summary("examine login tokens")
    .description("Check login tokens of a client.");
  addTokenInspect(token, io);
  addDoctor(program, io);
  addRunbook(program, io);
  addSimulate(program, io);
  addConformance(program, io);
  addCost(program, io);
  addCompletion(program, io);
  return program;
}

function exitCodes(): string {
  return Object.entries(EXIT)
    .map(([name, code]) => `  ${code}  ${EXIT_MEANINGS[name as keyof typeof EXIT]}`)
    .join("\n");
}
