/** The `subscribe` and `unsubscribe` routes: a connection says which messages it wants. */

import { MessageError, parseSubscribe, parseUnsubscribe } from "../../core/client-messages";
import { LIMITS, RESERVED } from "../../core/protocol";
import { firstTokenOf } from "../../core/subscription-keys";
import type { Judgement } from "../lease/guard";
import type { SubscriptionStore } from "../messaging/subscriptions";
import {
  echo,
  type GuardedDependencies,
  messageRoute,
  type RouteDependencies,
  reply,
  turnAway,
} from "../shared/message-route";

export interface SubscribeDependencies extends GuardedDependencies {
  subscriptions: Pick<SubscriptionStore, "add" | "count" | "remove">;
}

export interface UnsubscribeDependencies extends RouteDependencies {
  subscriptions: Pick<SubscriptionStore, "remove">;
}

/**
 * Whoever takes the row away from a connection writes the row first and looks for subscriptions then; this writes
 * the subscription first and looks at the row then: one of the two sees the other.
 */
export function subscribeHandler({ subscriptions, guard, ...route }: SubscribeDependencies) {
  return messageRoute("subscribe", route, async (event, identity) => {
    const { subject, id } = parseSubscribe(event.body);
    if (firstTokenOf(subject) === RESERVED.inbox) {
      throw new MessageError("forbidden", `subject: nobody may subscribe to ${subject}`, id);
    }
    const { connectionId, connectedAt } = event.requestContext;
    // The connection of a viewer is listed there itself.
    const others = identity.role === "agent" ? 0 : 1;
    if ((await subscriptions.count(connectionId)) >= LIMITS.subscriptions + others) {
      const expected = `subject: expected at most ${LIMITS.subscriptions} subscriptions a connection`;
      throw new MessageError("rate_limited", `${expected}, got one more`, id);
    }
    const subscription = { ...identity, connectionId, connectedAt, pattern: subject };
    await subscriptions.add(subscription);
    let judgement: Judgement | undefined;
    try {
      judgement = await guard.judge({ ...identity, connectionId }, true);
    } finally {
      if (judgement?.standing !== "holds") await subscriptions.remove(subscription);
    }
    const { standing, row } = judgement;
    if (standing !== "holds") return turnAway(standing, row, event, route.connections, id);
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
