/**
 * Sizes the attack of a hostile tenant. In AWS the functions of other tenants run on other machines. Here they run on the machine
 * that the tenant takes, so that the attack may take only a part of it: what is left shows whether tenants share anything else.
 */

import type { Capacity } from "../capacity";
import { type Attack, SILENT_FOR_MS } from "./orders";

/**
 * What the attack may take of the machine, if none of it is refused, counting each message and request as a heartbeat. Most cost more: a list
 * reads a page of rows, and a publish is posted to twelve connections.
 */
export const ATTACK_SHARE = 1 / 6;

/** The most that it does, on a machine that can take it. */
const MOST: Attack = {
  messages: {
    list: 2000,
    history: 200,
    publish: 200,
    subscribe: 200,
    garbage: 200,
    heartbeat: 200,
  },
  requests: {
    heartbeat: 200,
    forgedHeartbeat: 200,
    ping: 200,
    enrolment: 200,
  },
  logins: 20,
  forgedLogins: 20,
  silent: 300,
};

/** An attack that takes no more than a share of the capacity, as if each message cost as much as a heartbeat. */
export function attackWithin(capacity: Capacity, share: number): Attack {
  const times = Math.min(1, share / shareOf(MOST, capacity));
  const part = <T extends string>(rates: Record<T, number>) =>
    Object.fromEntries(
      Object.entries<number>(rates).map(([flood, perSecond]) => [flood, perSecond * times]),
    ) as Record<T, number>;
  return {
    messages: part(MOST.messages),
    requests: part(MOST.requests),
    logins: MOST.logins * times,
    forgedLogins: MOST.forgedLogins * times,
    silent: Math.ceil(MOST.silent * times),
  };
}

function shareOf(attack: Attack, { heartbeats, connections }: Capacity): number {
  const rates = [...Object.values(attack.messages), ...Object.values(attack.requests)];
  const messages = rates.reduce((sum, perSecond) => sum + perSecond, 0);
  const logins = attack.logins + attack.forgedLogins + attack.silent / (SILENT_FOR_MS / 1000);
  return messages / heartbeats + logins / connections;
}
