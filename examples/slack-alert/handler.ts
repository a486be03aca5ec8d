/**
 * The function behind the queue of lost agents. It reports each loss and returns the messages to
 * retry.
 */

import { boundedClient, StatusReader } from "@agent-heartbeat/sdk/status";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { type Loss, reportLoss, SlackError } from "./alert";

interface QueueEvent {
  Records: { messageId: string; body: string }[];
}

const { STATUS_TABLE_NAME = "", WEBHOOK_PARAMETER = "" } = process.env;
const statuses = new StatusReader({ tableName: STATUS_TABLE_NAME });
const parameters = boundedClient(SSMClient, {});
let webhook: Promise<string> | undefined;

/**
 * Cached after the first read, and read again after Slack has rejected it: it may have been
 * replaced.
 */
function webhookUrl(): Promise<string> {
  webhook ??= parameters
    .send(new GetParameterCommand({ Name: WEBHOOK_PARAMETER, WithDecryption: true }))
    .then(({ Parameter }) => Parameter?.Value ?? "");
  webhook.catch(() => {
    webhook = undefined;
  });
  return webhook;
}

export async function handler({ Records }: QueueEvent) {
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const { messageId, body } of Records) {
    const { detail } = JSON.parse(body) as { detail: Loss };
    try {
      await reportLoss(detail, {
        getAgent: (organizationId, agentId) => statuses.getAgent(organizationId, agentId),
        webhookUrl,
        fetch,
      });
    } catch (error) {
      if (error instanceof SlackError && error.refused) webhook = undefined;
      console.error("not reported", { agentId: detail.agentId, error: String(error) });
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
}
