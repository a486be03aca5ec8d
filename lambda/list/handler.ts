/** The `list` route: a page of the organization's agents with their derived status. */

import { InvalidCursorError, type StatusReader } from "@agent-heartbeat/sdk/status";
import { MessageError, parseList } from "../../core/client-messages";
import { LIMITS } from "../../core/limits";
import { echo, type GuardedDependencies, guardedRoute, reply } from "../shared/message-route";

export interface ListDependencies extends GuardedDependencies {
  /** Reads consistently: who has subscribed to transitions and lists then has missed none. */
  statuses: Pick<StatusReader, "listAgents" | "massExpiry">;
}

export function listHandler({ statuses, ...route }: ListDependencies) {
  return guardedRoute("list", route, async (event, { organizationId }) => {
    const message = parseList(event.body);
    try {
      const [{ agents, cursor }, massExpiry] = await Promise.all([
        statuses.listAgents({
          organizationId,
          limit: message.limit ?? LIMITS.listPageSize,
          maxBytes: LIMITS.listPageBytes,
          ...(message.profiles && { profiles: true }),
          ...(message.status && { status: message.status }),
          ...(message.cursor && { cursor: message.cursor }),
        }),
        // Once per list: a reader that shows the fleet warns that some of it may be wrong.
        message.cursor ? null : statuses.massExpiry(organizationId),
      ]);
      return reply({
        type: "agents",
        agents,
        cursor,
        ...(massExpiry && { massExpiry }),
        serverTime: event.requestContext.requestTimeEpoch,
        ...echo(message.id),
      });
    } catch (error) {
      if (!(error instanceof InvalidCursorError)) throw error;
      throw new MessageError("invalid_message", `cursor: ${error.message}`, message.id);
    }
  });
}
