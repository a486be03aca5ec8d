/** Tells a Slack channel of agents that are lost and stay so: the part of the example that knows no AWS. */

import type { AgentPresence, Transition } from "@agent-heartbeat/sdk/protocol";

/** How an agent goes that did not mean to. */
export const LOST = ["connection_lost", "lease_expired"] as const satisfies Transition["reason"][];

/** How long an agent may be away before anybody is told: a restart, or a network that hiccups, is no news. */
export const GRACE_SECONDS = 60;

/** Slack answers within a second or two. */
const SLACK_TIMEOUT_MS = 5_000;

/** What is needed of a transition. */
export type Loss = Pick<
  Transition,
  "organizationId" | "agentId" | "connectionId" | "reason" | "at"
>;

export interface Alert {
  /** The agent as it is now. */
  look(organizationId: string, agentId: string): Promise<AgentPresence | undefined>;
  /** An incoming webhook of Slack. */
  webhookUrl(): Promise<string>;
  fetch: typeof fetch;
}

/** Slack did not take a message. */
export class SlackError extends Error {
  override name = "SlackError";

  constructor(
    message: string,
    /** Whether the webhook itself is refused: it was revoked, or its channel is gone. */
    readonly refused: boolean,
  ) {
    super(message);
  }
}

/**
 * Posts a message, unless the agent has come back meanwhile or was lost anew since: one that flaps is told
 * of once, when it stays away.
 *
 * @returns whether it was posted
 * @throws SlackError if Slack does not take it: the message is to be tried again
 */
export async function tell(loss: Loss, { look, webhookUrl, fetch }: Alert): Promise<boolean> {
  const now = await look(loss.organizationId, loss.agentId);
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
