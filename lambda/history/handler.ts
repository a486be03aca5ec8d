/** The `history` route: returns an agent's last transitions. */

import type { StatusReader } from "@agent-heartbeat/sdk/status";
import { parseHistory } from "../../core/client-messages";
import { echo, type GuardedDependencies, guardedRoute, reply } from "../shared/message-route";

export interface HistoryDependencies extends GuardedDependencies {
  statuses: Pick<StatusReader, "history">;
}

export function historyHandler({ statuses, ...route }: HistoryDependencies) {
  return guardedRoute("history", route, async (event, { organizationId }) => {
    const { agentId, id } = parseHistory(event.body);
    const transitions = await statuses.history(organizationId, agentId);
    return reply({ type: "history", agentId, transitions, ...echo(id) });
  });
}
