/** The tools that change something, each of which has to be allowed. */

import { z } from "zod";
import { DRAIN_SUBJECT, expectOnline, putMessage } from "../messages/message";
import type { Action } from "./allowed";
import { type AddTool, AGENT } from "./tool";

export const addAction: Record<Action, (add: AddTool) => void> = {
  send: (add) =>
    add(
      "send_message",
      {
        description:
          "Sends a message to one online agent. Delivery is at most once. The agent's answer, if any, is not returned.",
        inputSchema: z.object({
          agent: AGENT,
          subject: z.string().optional().describe("selects the agent's handler; default: direct"),
          data: z.unknown().describe("any JSON value"),
        }),
        changes: true,
      },
      async (deployment, { agent, subject, data = null }) => {
        await expectOnline(deployment, agent);
        const message = { agentId: agent, ...(subject !== undefined && { subject }), data };
        return [`Message ${await putMessage(deployment, message)} for ${agent} was sent.`];
      },
    ),

  drain: (add) =>
    add(
      "drain_agent",
      {
        description:
          "Asks an agent to finish its work and leave. The agent does so only if it runs with remoteDrain.",
        inputSchema: z.object({ agent: AGENT }),
        changes: true,
      },
      async (deployment, { agent }) => {
        await expectOnline(deployment, agent);
        await putMessage(deployment, { agentId: agent, subject: DRAIN_SUBJECT, data: null });
        return [`Asked ${agent} to drain. Its status shows whether it does.`];
      },
    ),

  disable: (add) =>
    add(
      "disable_agent",
      {
        description:
          "Disables an agent: closes its connections and refuses its logins until an operator enables it again. Its work is interrupted.",
        inputSchema: z.object({ agent: AGENT }),
        changes: true,
      },
      async ({ registry, organizationId }, { agent }) => {
        await registry.disable({ organizationId, agentId: agent });
        return [`${agent} is disabled. \`agent-heartbeat agents enable\` enables it again.`];
      },
    ),
};
