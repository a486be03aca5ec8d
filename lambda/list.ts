/** The `list` route: a page of the organization's agents with their derived status. */

import { LIMITS } from "@agent-heartbeat/sdk/protocol";
import { InvalidCursorError, type StatusReader } from "@agent-heartbeat/sdk/status";
import { MessageError, parseList } from "./wire/messages";
import { echo, messageRoute, type RouteDependencies, reply } from "./wire/route";

export interface ListDependencies extends RouteDependencies {
  statuses: Pick<StatusReader, "listAgents">;
}

export function listHandler({ statuses, ...route }: ListDependencies) {
  return messageRoute("list", route, async (event, { organizationId }) => {
    const message = parseList(event.body);
    try {
      const page = await statuses.listAgents({
        organizationId,
        limit: message.limit ?? LIMITS.listPageSize,
        ...(message.status && { status: message.status }),
        ...(message.cursor && { cursor: message.cursor }),
      });
      const serverTime = event.requestContext.requestTimeEpoch;
      return reply({ type: "agents", ...page, serverTime, ...echo(message.id) });
    } catch (error) {
      if (!(error instanceof InvalidCursorError)) throw error;
      throw new MessageError("invalid_message", `cursor: ${error.message}`, message.id);
    }
  });
}
