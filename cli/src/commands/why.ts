/** `why`: explains an agent's status from all that is stored of it. */

import type { StatusRow } from "@agent-heartbeat/sdk/status";
import type { Command } from "commander";
import { type Deployment, deploymentCommand, withDeployment } from "../deployment";
import type { Facts } from "../diagnosis";
import { CliError, EXIT } from "../failure";
import type { Io } from "../io";
import { pastLines } from "../past";
import { printable } from "../printable";

export function addWhy(program: Command, io: Io): void {
  deploymentCommand(program, "why", "explain why an agent is online or not, and what to do")
    .argument("<agent>", "the agent")
    .action(
      withDeployment(io, async (deployment, _, agentId = "") => {
        const { printer, organizationId } = deployment;
        const facts = await factsOf(deployment, agentId, io);
        const { diagnose } = await import("../diagnosis");
        const { explanation, advice } = diagnose(facts);
        if (printer.json) {
          const { registered, stored, derived, history } = facts;
          printer.value({ agentId, explanation, advice, derived, stored, registered, history });
        } else {
          const { default: wrapAnsi } = await import("wrap-ansi");
          const paragraph = explanation.map(printable).join(" ");
          printer.lines(wrapAnsi(paragraph, printer.width ?? LINE_LENGTH));
          const past = pastLines(facts.history, facts.now, printer);
          if (past.length > 0) printer.lines("", ...past);
          if (advice.length > 0) printer.lines("", ...advice.map((step) => `→ ${printable(step)}`));
        }
        if (!facts.registered && !facts.stored) {
          throw new CliError(
            `Nothing is known of agent ${agentId} in organization ${organizationId}.`,
            EXIT.notFound,
          );
        }
      }),
    );
}

const LINE_LENGTH = 100;

async function factsOf(deployment: Deployment, agentId: string, io: Io): Promise<Facts> {
  const { registry, statuses, target, organizationId } = deployment;
  const { derivePresence, isPurged } = await import("@agent-heartbeat/sdk/status");
  const registered = (await registry.get({ organizationId, agentId })) ?? null;
  // Reads nothing that is used but the server's time.
  await statuses.getAgent(organizationId, agentId);
  const stored = await storedRow(deployment, agentId);
  const history = await statuses.history(organizationId, agentId);
  const massExpiry = await statuses.massExpiry(organizationId);
  const now = io.now() + statuses.clockOffsetMs;
  const derived = stored && !isPurged(stored, now) ? derivePresence(stored, now) : null;
  const { WebSocketUrl: webSocketUrl = "the deployment" } = target.outputs;
  return {
    organizationId,
    agentId,
    registered,
    stored,
    derived,
    history,
    massExpiry,
    now,
    webSocketUrl,
  };
}

/** The row itself, for a reader shows only what it means. */
async function storedRow(
  { target, organizationId }: Deployment,
  agentId: string,
): Promise<StatusRow | null> {
  const { rowFromItem } = await import("@agent-heartbeat/sdk/status");
  const { GetItemCommand } = await import("@aws-sdk/client-dynamodb");
  const { Item } = await target.dynamoDb.send(
    new GetItemCommand({
      TableName: target.statusTableName,
      Key: { organizationId: { S: organizationId }, agentId: { S: agentId } },
      ConsistentRead: true,
    }),
  );
  return Item ? rowFromItem(Item) : null;
}
