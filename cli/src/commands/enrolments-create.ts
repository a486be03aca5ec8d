/** `enrolments create`: a token with which agents register themselves, or IAM roles by which they do. */

import { ROLES, type Role } from "@agent-heartbeat/sdk/protocol";
import { type Command, InvalidArgumentError, Option } from "commander";
import { enrolmentFields } from "../agents/enrolment-view";
import {
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import type { Io } from "../io";
import { durationOption } from "../options/duration-option";
import { fields } from "../terminal/table";

interface Options extends DeploymentOptions {
  agents: string;
  roleArn?: string[];
  uses: number;
  expires: number;
  ephemeral?: number;
  role: Role;
  description?: string;
}

export function addEnrolmentsCreate(enrolments: Command, io: Io): void {
  deploymentCommand(enrolments, "create", "create a token with which agents register themselves")
    .requiredOption(
      "-a, --agents <pattern>",
      "the ids of the agents; * stands for any characters, as in worker-*",
    )
    .option(
      "--role-arn <arn>",
      "an IAM role with which processes on AWS register, instead of a secret token; can be repeated",
      (arn: string, others: string[] = []) => [...others, arn],
    )
    .requiredOption("--uses <count>", "how many agents can register", useCount)
    .addOption(
      durationOption("--expires <duration>", "how long the token is valid").makeOptionMandatory(),
    )
    .addOption(
      durationOption(
        "--ephemeral <duration>",
        "remove each agent this long after it was last seen, which frees its name",
      ),
    )
    .addOption(
      new Option("--role <role>", "role of the agents")
        .choices(ROLES)
        .default("agent" satisfies Role),
    )
    .option("--description <text>", "a note for people, at most 256 characters")
    .action(
      withDeployment<Options>(io, async (deployment, options) => {
        const { enrolments, organizationId, printer, serverNow } = deployment;
        const { enrolment, token } = await enrolments.create({
          organizationId,
          agents: options.agents,
          ...(options.roleArn && { roleArns: options.roleArn }),
          uses: options.uses,
          expiresAt: Math.round((await serverNow()) + options.expires),
          role: options.role,
          ...(options.ephemeral !== undefined && { ephemeralMs: Math.round(options.ephemeral) }),
          ...(options.description !== undefined && { description: options.description }),
        });
        if (printer.json) return printer.value({ ...enrolment, token });
        printer.lines(
          ...fields([...enrolmentFields(enrolment, io.now()), ["token", token]], printer.colours),
          "",
          ...(enrolment.roleArns
            ? ["The token is not secret: only the IAM roles can use it. Agents take it"]
            : ["The token is shown only now. Agents take it"]),
          "as the option enrolmentToken, or from the variable AGENT_HEARTBEAT_ENROLMENT_TOKEN.",
        );
      }),
    );
}

function useCount(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1) return value;
  throw new InvalidArgumentError("Expected a whole number, at least 1.");
}
