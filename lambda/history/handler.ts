/** The `history` route: returns an agent's last transitions. */

import { parseHistory } from "../../core/client-messages";
import { echo, type GuardedDependencies, guardedRoute, reply } from "../shared/message-route";
import type { HistoryStore } from "./store";

export interface HistoryDependencies extends GuardedDependencies {
  history: Pick<HistoryStore, "read">;
}

export function historyHandler({ history, ...route }: HistoryDependencies) {
  return guardedRoute("history", route, async (event, { organizationId }) => {
    const { agentId, id } = parseHistory(event.body);
    const transitions = await history.read(
      organizationId,
      agentId,
      event.requestContext.requestTimeEpoch,
    );
    return reply({ type: "history", agentId, transitions, ...echo(id) });
  });
}
