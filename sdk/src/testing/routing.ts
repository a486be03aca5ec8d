/** Which connections the fake service brings a message to. */

import { matchesSubject } from "@agent-heartbeat/sdk";
import { agentOfToken } from "../../../core/subject";
import type { FakeConnection } from "./connection";
import type { FakeMessage } from "./remote-agent";

/** One of the agent that is named, the newest that has spoken, or all with a subscription that fits. */
export function receiversOf(
  { subject, to }: FakeMessage,
  open: readonly FakeConnection[],
): FakeConnection[] {
  const living = open.filter(({ superseded }) => !superseded);
  const [first, token = ""] = subject.split(".");
  const one = first === "_inbox" ? agentOfToken(token) : to;
  if (one !== undefined) {
    const held = living.filter(({ agentId }) => agentId === one);
    const newest = held.findLast(({ messages }) => messages.length > 0) ?? held.at(-1);
    return newest ? [newest] : [];
  }
  // No wildcard stands for the first token of a reserved subject.
  const fits = (pattern: string) =>
    (first !== "presence" || pattern.startsWith("presence.")) && matchesSubject(pattern, subject);
  return living.filter(({ subscriptions }) => [...subscriptions].some(fits));
}
