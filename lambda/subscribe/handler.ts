/** The `subscribe` and `unsubscribe` routes: a connection says which messages it wants. */

import { MessageError, parseSubscribe, parseUnsubscribe } from "../../core/client-messages";
import { LIMITS, RESERVED } from "../../core/protocol";
import { firstTokenOf } from "../../core/subscription-keys";
import type { SubscriptionStore } from "../messaging/subscriptions";
import { echo, messageRoute, type RouteDependencies, reply } from "../shared/message-route";

export interface SubscribeDependencies extends RouteDependencies {
  subscriptions: Pick<SubscriptionStore, "add" | "count">;
}

export interface UnsubscribeDependencies extends RouteDependencies {
  subscriptions: Pick<SubscriptionStore, "remove">;
}

export function subscribeHandler({ subscriptions, ...route }: SubscribeDependencies) {
  return messageRoute("subscribe", route, async (event, identity) => {
    const { subject, id } = parseSubscribe(event.body);
    if (firstTokenOf(subject) === RESERVED.inbox) {
      throw new MessageError("forbidden", `subject: nobody may subscribe to ${subject}`, id);
    }
    const { organizationId, agentId, instanceId } = identity;
    const { connectionId, connectedAt } = event.requestContext;
    if ((await subscriptions.count(connectionId)) >= LIMITS.subscriptions) {
      const expected = `subject: expected at most ${LIMITS.subscriptions} subscriptions a connection`;
      throw new MessageError("rate_limited", `${expected}, got one more`, id);
    }
    await subscriptions.add({
      organizationId,
      agentId,
      instanceId,
      connectionId,
      connectedAt,
      pattern: subject,
    });
    return reply({ type: "subscribed", subject, ...echo(id) });
  });
}

export function unsubscribeHandler({ subscriptions, ...route }: UnsubscribeDependencies) {
  return messageRoute("unsubscribe", route, async (event, { organizationId }) => {
    const { subject, id } = parseUnsubscribe(event.body);
    const { connectionId } = event.requestContext;
    await subscriptions.remove({ organizationId, connectionId, pattern: subject });
    return reply({ type: "unsubscribed", subject, ...echo(id) });
  });
}
