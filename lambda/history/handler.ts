/** The `history` route: returns an agent's last transitions, or the organization's counts of the last day. */

import type { StatusReader } from "@agent-heartbeat/sdk/status";
import { parseHistory } from "../../core/client-messages";
import { echo, type GuardedDependencies, guardedRoute, reply } from "../shared/message-route";

export interface HistoryDependencies extends GuardedDependencies {
  statuses: Pick<StatusReader, "history" | "counts">;
}

export function historyHandler({ statuses, ...route }: HistoryDependencies) {
  return guardedRoute("history", route, async (event, { organizationId }) => {
    const { agentId, id } = parseHistory(event.body);
    if (agentId === undefined) {
      const counts = await statuses.counts(organizationId);
      return reply({ type: "history", transitions: [], counts, ...echo(id) });
    }
    const transitions = await statuses.history(organizationId, agentId);
    return reply({ type: "history", agentId, transitions, ...echo(id) });
  });
}
