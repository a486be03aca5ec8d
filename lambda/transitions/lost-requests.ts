/** Answers, in place of an agent that is lost, the requests that only this agent could have answered. */

import pLimit from "p-limit";
import { type DeliveryMessage, SERVICE_SENDER } from "../../core/protocol";
import { inboxOwner } from "../messaging/inbox";
import type { MessageRouter } from "../messaging/message-router";
import type { OpenRequests } from "../messaging/open-requests";
import type { Log } from "../shared/log";

/** Requests that are answered at most for one lost process. */
const MOST = 1000;

/** Answers under way at once. */
const CONCURRENCY = 32;

export interface LostRequestsDependencies {
  requests: Pick<OpenRequests, "of" | "removeAll">;
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
  /** Unique for this loss. */
  id: string;
  /** In words. */
  why: string;
  /** Epoch milliseconds: when to begin no further answer. */
  until: number;
}

/** Tells those who wait, once each. What fails is logged: they wait for the end of their time then. */
export function lostRequests({ requests, messageRouter, clock, log }: LostRequestsDependencies) {
  return async (loss: Loss): Promise<void> => {
    const { organizationId, agentId, isLost, id, why, until } = loss;
    try {
      const open = await requests.of(organizationId, agentId, clock(), MOST);
      const lost = open
        .filter(({ instanceId }) => isLost(instanceId))
        .map(({ replyTo }) => replyTo);
      if (lost.length === 0) return;
      // First, so that a change of the stream that is read again tells nobody twice.
      await requests.removeAll(organizationId, agentId, lost);
      await pLimit(CONCURRENCY).map(lost, async (replyTo) => {
        const requester = inboxOwner(replyTo);
        if (requester === undefined || clock() >= until) return;
        const message: DeliveryMessage = {
          type: "message",
          messageId: `${id}:${replyTo}`,
          subject: replyTo,
          data: {
            error: { code: "receiver_lost", message: `${agentId} ${why} before it answered` },
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
