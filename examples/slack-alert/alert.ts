/**
 * Posts to Slack when an agent is lost and stays lost. This part of the example does not depend on
 * AWS.
 */

import type { AgentPresence, Transition } from "@agent-heartbeat/sdk/protocol";

/** Offline reasons that were not intended. */
export const LOST = ["connection_lost", "lease_expired"] as const satisfies Transition["reason"][];

/**
 * How long an agent may be offline before it is reported. Restarts and short network failures are
 * ignored.
 */
export const GRACE_SECONDS = 60;

/** Slack usually answers within two seconds. */
const SLACK_TIMEOUT_MS = 5_000;

/** The required fields of a transition. */
export type Loss = Pick<
  Transition,
  "organizationId" | "agentId" | "connectionId" | "reason" | "at"
>;

export interface Alert {
  /** Returns the agent's current presence. */
  getAgent(organizationId: string, agentId: string): Promise<AgentPresence | undefined>;
  /** Returns the URL of a Slack incoming webhook. */
  webhookUrl(): Promise<string>;
  fetch: typeof fetch;
}

/** Slack rejected a message. */
export class SlackError extends Error {
  override name = "SlackError";

  constructor(
    message: string,
    /** Whether the webhook itself was rejected: it was revoked, or its channel no longer exists. */
    readonly refused: boolean,
  ) {
    super(message);
  }
}

/**
 * Posts a message, unless the agent has come back or was lost again since. A flapping agent is
 * reported once, when it stays offline.
 *
 * @returns whether it was posted
 * @throws SlackError if Slack rejects the message: try again
 */
export async function reportLoss(
  loss: Loss,
  { getAgent, webhookUrl, fetch }: Alert,
): Promise<boolean> {
  const now = await getAgent(loss.organizationId, loss.agentId);
  if (now?.status === "online" || now?.connectionId !== loss.connectionId) return false;
  const response = await fetch(await webhookUrl(), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ text: textOf(loss) }),
    signal: AbortSignal.timeout(SLACK_TIMEOUT_MS),
  });
  const answer = await response.text();
  if (response.ok) return true;
  throw new SlackError(
    `Slack: expected status 200, got ${response.status} (${answer.slice(0, 100)})`,
    [403, 404, 410].includes(response.status),
  );
}

function textOf({ organizationId, agentId, reason, at }: Loss): string {
  const seconds = Math.floor(at / 1000);
  const since = `<!date^${seconds}^{date_short_pretty} {time_secs}|${new Date(at).toISOString()}>`;
  return `:red_circle: \`${agentId}\` of \`${organizationId}\` is offline since ${since}: ${reason.replace("_", " ")}`;
}
