/** `enrolments revoke`: refuses a token from now on, and locks out the agents that came by it if asked to. */

import type { Command } from "commander";
import pLimit from "p-limit";
import {
  type Deployment,
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import { CliError, EXIT } from "../failure";
import type { Io } from "../io";
import { ProgressBar } from "../terminal/progress";

interface Options extends DeploymentOptions {
  andAgents?: boolean;
}

const AT_ONCE = 10;

export function addEnrolmentsRevoke(enrolments: Command, io: Io): void {
  deploymentCommand(enrolments, "revoke", "revoke an enrolment and its token")
    .argument("<enrolmentId>", "the enrolment's id, shown by `enrolments list`")
    .option("--and-agents", "also disable the agents that registered with it")
    .action(
      withDeployment<Options>(io, async (deployment, { andAgents }, enrolmentId = "") => {
        const { enrolments, organizationId, printer } = deployment;
        const revoked = await enrolments.revoke({ organizationId, enrolmentId });
        const disabledAgents = andAgents ? await disableAgents(enrolmentId, deployment, io) : null;
        if (printer.json) {
          return printer.value({ ...revoked, ...(disabledAgents && { disabledAgents }) });
        }
        printer.lines(
          `Enrolment ${enrolmentId} is revoked.`,
          disabledAgents
            ? `The agents that registered with it are disabled: ${disabledAgents.length}.`
            : "Agents that registered with it may still connect; --and-agents disables them.",
        );
      }),
    );
}

/** Returns the ids of the agents. The enrolment is revoked before, so that none is missed. */
async function disableAgents(
  enrolmentId: string,
  { enrolments, registry, organizationId }: Deployment,
  io: Io,
): Promise<string[]> {
  const agentIds: string[] = [];
  for await (const { agentId } of enrolments.agents({ organizationId, enrolmentId })) {
    agentIds.push(agentId);
  }
  const failed: string[] = [];
  const bar = new ProgressBar(agentIds.length, io);
  await pLimit(AT_ONCE).map(agentIds, async (agentId) => {
    try {
      await registry.disable({ organizationId, agentId });
    } catch (error) {
      // Others may have removed it.
      if ((error as Error).name !== "UnknownAgentError") failed.push(agentId);
    }
    bar.advance();
  });
  bar.clear();
  if (failed.length === 0) return agentIds;
  throw new CliError(
    `Enrolment ${enrolmentId} is revoked, but ${failed.length} of its ${agentIds.length} agents could not be disabled, ${failed[0]} among them.`,
    EXIT.failure,
    "Run the same command again.",
  );
}
