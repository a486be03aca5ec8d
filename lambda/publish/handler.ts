/** The `publish` route: delivers a message within an organization. */

import { isReservedAgentId, RESERVED_ID_FORM } from "../../core/agent-id";
import { MessageError } from "../../core/client-messages";
import { LIMITS } from "../../core/limits";
import type { DeliveryMessage } from "../../core/protocol";
import { parsePublish } from "../../core/publish-message";
import { PERMISSIONS, type Role } from "../../core/roles";
import { agentToken, RESERVED } from "../../core/subject";
import { firstTokenOf } from "../../core/subscription-keys";
import { traceOf } from "../../core/trace-context";
import { inboxOwner } from "../messaging/inbox";
import type { MessageRouter } from "../messaging/message-router";
import type { OpenRequests } from "../messaging/open-requests";
import type { Identity } from "../shared/identity";
import {
  echo,
  type GuardedDependencies,
  guardedRoute,
  type RouteEvent,
  reply,
} from "../shared/message-route";

export interface PublishDependencies extends GuardedDependencies {
  messageRouter: Pick<MessageRouter, "publish" | "send" | "sendToCapable">;
  requests: Pick<OpenRequests, "remove">;
  newId: () => string;
}

/** A message to more subscribers counts as several: posts are what the account's APIs share. */
const POSTS_OF_A_MESSAGE = 10;

export function publishHandler({ messageRouter, requests, newId, ...route }: PublishDependencies) {
  const handle = async (event: RouteEvent, identity: Identity) => {
    const { organizationId, agentId, instanceId, role } = identity;
    const message = parsePublish(event.body);
    // One that was registered and connected before its id was reserved.
    if (isReservedAgentId(agentId)) {
      throw new MessageError("forbidden", `from: expected ${RESERVED_ID_FORM}`, message.id);
    }
    checkSubjects(message, agentId, role);
    const { subject, data = null, replyTo, to, capability, expiresInMs, attempt, id } = message;
    const isRequest = replyTo !== undefined;
    const delivery: DeliveryMessage = {
      type: "message",
      messageId: isRequest && attempt ? requestId(replyTo) : newId(),
      subject,
      data,
      from: agentId,
      ...((to ?? capability) !== undefined && { direct: true as const }),
      ...(isRequest && { replyTo }),
      ...(isRequest && expiresInMs !== undefined && { expiresInMs }),
      ...(isRequest && attempt !== undefined && { attempt }),
      ...traceOf(message),
    };
    checkSize(delivery, id);
    const { requestTimeEpoch: now } = event.requestContext;
    if (capability !== undefined) {
      const reached = await messageRouter.sendToCapable(organizationId, capability, delivery, now);
      return reply({ type: "published", subject, reached, ...echo(id) });
    }
    // Answers need no subscription.
    const recipient = to ?? inboxOwner(subject);
    if (recipient) {
      const [reached] = await Promise.all([
        messageRouter.send(organizationId, recipient, delivery, now),
        to === undefined && answered({ organizationId, agentId, instanceId, replyTo: subject }),
      ]);
      return reply({ type: "published", subject, reached, ...echo(id) });
    }
    const { reached, posts, complete } = await messageRouter.publish(organizationId, delivery, now);
    const more = Math.floor(posts / POSTS_OF_A_MESSAGE);
    if (more > 0) await spendAfter({ organizationId, agentId }, now, more);
    const rest = complete ? {} : { incomplete: true as const };
    return reply({ type: "published", subject, reached, ...rest, ...echo(id) });
  };
  /** Whether it can be noted or not, the answer is delivered. */
  const answered = async (request: Parameters<OpenRequests["remove"]>[0]) => {
    try {
      await requests.remove(request);
    } catch (error) {
      route.log.warn({ event: "request_not_removed", ...request, error: String(error) });
    }
  };
  /** The message has been delivered: an error now would have it sent again. */
  const spendAfter = async (
    sender: Pick<Identity, "organizationId" | "agentId">,
    now: number,
    amount: number,
  ) => {
    try {
      await route.rates.spend(sender, "publish", now, amount);
    } catch (error) {
      route.log.warn({ event: "posts_not_counted", ...sender, amount, error: String(error) });
    }
  };
  return guardedRoute("publish", route, handle, isAnswer);
}

/** Whether a message answers a request. A superseded process may still send these. */
function isAnswer({ body }: RouteEvent): boolean {
  return inboxOwner(parsePublish(body).subject) !== undefined;
}

function checkSubjects(
  { subject, capability, replyTo, id }: ReturnType<typeof parsePublish>,
  agentId: string,
  role: Role,
): void {
  if (firstTokenOf(subject) === RESERVED.presence) {
    throw new MessageError("forbidden", `subject: only the system publishes on ${subject}`, id);
  }
  if (capability !== undefined && inboxOwner(subject) !== undefined) {
    const expected = "capability: expected none, got one: an answer goes to who has asked";
    throw new MessageError("forbidden", expected, id);
  }
  if (replyTo !== undefined && !PERMISSIONS[role].includes("subscribe")) {
    const why = `a ${role} receives no messages, and so no reply`;
    throw new MessageError("forbidden", `replyTo: expected none, got one: ${why}`, id);
  }
  const own = `${RESERVED.inbox}.${agentToken(agentId)}.`;
  if (replyTo !== undefined && !replyTo.startsWith(own)) {
    throw new MessageError(
      "forbidden",
      `replyTo: expected a subject under ${own}, got ${replyTo}`,
      id,
    );
  }
}

/** The same for every attempt. It contains the sender, so that no agent can give a message the id of another agent's message. */
const requestId = (replyTo: string) => replyTo.slice(RESERVED.inbox.length + 1);

/** The delivered message is slightly larger than the received one. @throws MessageError if it is too large */
export function checkSize(delivery: DeliveryMessage, id?: string): void {
  const bytes = Buffer.byteLength(JSON.stringify(delivery));
  if (bytes <= LIMITS.messageBytes) return;
  throw new MessageError(
    "invalid_message",
    `data: expected a message of at most ${LIMITS.messageBytes} bytes with its envelope, got ${bytes}`,
    id,
  );
}
