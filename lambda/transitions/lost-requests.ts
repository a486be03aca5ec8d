/** Answers, in place of an agent that is lost, the requests that only this agent could have answered. */

import pLimit from "p-limit";
import { SERVICE_SENDER } from "../../core/agent-id";
import type { DeliveryMessage } from "../../core/protocol";
import { inboxOwner } from "../messaging/inbox";
import type { MessageRouter } from "../messaging/message-router";
import type { OpenRequests } from "../messaging/open-requests";
import type { Log } from "../shared/log";

/** Requests that are answered at most for one lost process. */
const MOST = 1000;

/** Answers under way at once. */
const CONCURRENCY = 32;

export interface LostRequestsDependencies {
  requests: Pick<OpenRequests, "of" | "remove">;
  messageRouter: Pick<MessageRouter, "send">;
  clock: () => number;
  log: Log;
}

/** Processes of an agent that answer nothing any more. */
export interface Loss {
  organizationId: string;
  agentId: string;
  /** Which of them. */
  isLost: (instanceId: string) => boolean;
  /**
   * The last heartbeat that the agent's row had with the loss, in epoch milliseconds. An agent comes back online with a later one:
   * what it was asked since is not lost.
   */
  lastHeartbeatAt: number;
  /** Unique for this loss. */
  id: string;
  /** The text of the error. */
  why: string;
  /** Epoch milliseconds: when to begin no further answer. */
  until: number;
}

/** Tells those who wait, once each. What fails is logged: they wait for the end of their time then. */
export function lostRequests({ requests, messageRouter, clock, log }: LostRequestsDependencies) {
  return async (loss: Loss): Promise<void> => {
    const { organizationId, agentId, isLost, lastHeartbeatAt, id, why, until } = loss;
    try {
      const open = await requests.of(organizationId, agentId, clock(), MOST);
      const lost = open.filter(
        (request) => isLost(request.instanceId) && request.lastHeartbeatAt <= lastHeartbeatAt,
      );
      if (lost.length === 0) return;
      await pLimit(CONCURRENCY).map(lost, async ({ instanceId, replyTo, attempt }) => {
        const requester = inboxOwner(replyTo);
        if (requester === undefined || clock() >= until) return;
        // Whoever deletes the note decides: an answer, this function, or the router, which found the connection gone.
        const request = { organizationId, agentId, instanceId, replyTo };
        if ((await requests.remove(request)) === "absent") return;
        const message: DeliveryMessage = {
          type: "message",
          messageId: `${id}:${replyTo}`,
          subject: replyTo,
          data: {
            error: { code: "receiver_lost", message: `${agentId} ${why} before it answered` },
            ...(attempt !== undefined && { attempt }),
          },
          from: SERVICE_SENDER,
        };
        await messageRouter.send(organizationId, requester, message, clock());
      });
      log.info({ event: "requests_lost", organizationId, agentId, why, requests: lost.length });
    } catch (error) {
      log.warn({ event: "requesters_not_notified", organizationId, agentId, error: String(error) });
    }
  };
}
