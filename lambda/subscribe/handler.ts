/** The `subscribe` and `unsubscribe` routes: a connection chooses which messages it receives. */

import { MessageError, parseSubscribe, parseUnsubscribe } from "../../core/client-messages";
import { LIMITS } from "../../core/limits";
import { RESERVED } from "../../core/subject";
import { firstTokenOf } from "../../core/subscription-keys";
import type { SubscriptionStore, SubscriptionUsage } from "../messaging/subscriptions";
import type { Judgement } from "../shared/guard";
import {
  type CountedDependencies,
  countedRoute,
  echo,
  type GuardedDependencies,
  reply,
  turnAway,
} from "../shared/message-route";

export interface SubscribeDependencies extends GuardedDependencies {
  subscriptions: Pick<SubscriptionStore, "add" | "usage" | "remove">;
}

export interface UnsubscribeDependencies extends CountedDependencies {
  subscriptions: Pick<SubscriptionStore, "remove">;
}

/**
 * Whoever takes the row away from a connection writes the row first and looks for subscriptions then; this writes
 * the subscription first and looks at the row then: one of the two sees the other.
 */
export function subscribeHandler({ subscriptions, guard, ...route }: SubscribeDependencies) {
  return countedRoute("subscribe", route, async (event, identity) => {
    const { subject, group, id } = parseSubscribe(event.body);
    if (firstTokenOf(subject) === RESERVED.inbox) {
      throw new MessageError("forbidden", `subject: nobody may subscribe to ${subject}`, id);
    }
    if (group !== undefined && identity.role !== "agent") {
      const why = `a ${identity.role} has no status, by which members are chosen`;
      throw new MessageError("forbidden", `group: expected none, got one: ${why}`, id);
    }
    const { connectionId, connectedAt } = event.requestContext;
    const subscription = { ...identity, connectionId, connectedAt, pattern: subject, group };
    checkUsage(await subscriptions.usage(subscription), group, id);
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

/** @throws MessageError (`rate_limited`) if the agent has all that it may have */
function checkUsage(
  { ofConnection, ofAgent, atAddress, groupsAtAddress }: SubscriptionUsage,
  group: string | undefined,
  id: string | undefined,
): void {
  const limits: [number, number, string][] = [
    [ofConnection, LIMITS.subscriptions, "subscriptions a connection"],
    [ofAgent, LIMITS.subscriptionsOfAgent, "subscriptions an agent"],
    [
      atAddress,
      LIMITS.subscriptionsAtAddress,
      "subscriptions an agent to the same subject, or to patterns with the same first token",
    ],
    [
      group === undefined ? 0 : groupsAtAddress,
      LIMITS.groupsAtAddress,
      "subscriptions with a group an agent to the same subject, or to patterns with the same first token",
    ],
  ];
  const exceeded = limits.find(([has, most]) => has >= most);
  if (!exceeded) return;
  const [, most, what] = exceeded;
  throw new MessageError(
    "rate_limited",
    `subject: expected at most ${most} ${what}, got one more`,
    id,
  );
}

export function unsubscribeHandler({ subscriptions, ...route }: UnsubscribeDependencies) {
  return countedRoute("unsubscribe", route, async (event, identity) => {
    const { subject, group, id } = parseUnsubscribe(event.body);
    const { connectionId } = event.requestContext;
    await subscriptions.remove({ ...identity, connectionId, pattern: subject, group });
    return reply({ type: "unsubscribed", subject, ...echo(id) });
  });
}
