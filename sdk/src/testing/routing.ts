/** Which connections the fake service brings a message to. */

import { matchesSubject } from "@agent-heartbeat/sdk";
import type { AgentPresence } from "@agent-heartbeat/sdk/protocol";
import { agentOfToken } from "../../../core/subject";
import type { FakeConnection } from "./connection";
import type { FakeMessage } from "./remote-agent";

/** A message's way to one connection. */
export interface Receiver {
  connection: FakeConnection;
  /** The group whose member gets it. */
  group?: string;
  /** Sent to this agent alone. */
  direct?: true;
}

export interface RoutingScene {
  open: readonly FakeConnection[];
  /** As readers see an agent now. */
  presenceOf(agentId: string): AgentPresence | undefined;
  /** From 0 to below 1. */
  random(): number;
}

/** One of the agent that is named, the newest that has spoken; or all with a subscription that fits, and one of each group. */
export function receiversOf({ subject, to }: FakeMessage, scene: RoutingScene): Receiver[] {
  const living = scene.open.filter(({ superseded }) => !superseded);
  const [first, token = ""] = subject.split(".");
  const one = first === "_inbox" ? agentOfToken(token) : to;
  if (one !== undefined) {
    const held = living.filter(({ agentId }) => agentId === one);
    const newest = spokenLast(held);
    return newest ? [{ connection: newest, ...(to !== undefined && { direct: true }) }] : [];
  }
  // No wildcard stands for the first token of a reserved subject.
  const fits = (pattern: string) =>
    (first !== "presence" || pattern.startsWith("presence.")) && matchesSubject(pattern, subject);
  const plain = new Set<FakeConnection>();
  const groups = new Map<string, FakeConnection[]>();
  for (const connection of living) {
    for (const subscription of connection.subscriptions) {
      const [pattern = "", group] = subscription.split(" ");
      if (!fits(pattern)) continue;
      if (group === undefined) plain.add(connection);
      else groups.set(group, [...(groups.get(group) ?? []), connection]);
    }
  }
  const members = [...groups].flatMap(([group, all]) => {
    const connection = memberOf(all, scene);
    return connection ? [{ connection, group }] : [];
  });
  return [...[...plain].map((connection) => ({ connection })), ...members];
}

/** A member that takes work. */
function memberOf(members: FakeConnection[], scene: RoutingScene): FakeConnection | undefined {
  const best = lessBusy([...new Set(members.map(({ agentId }) => agentId))], scene);
  return spokenLast(members.filter(({ agentId }) => agentId === best));
}

/** The less busy of two agents that take work, drawn at random. */
export function lessBusy(
  agentIds: readonly string[],
  { presenceOf, random }: Pick<RoutingScene, "presenceOf" | "random">,
): string | undefined {
  const able = agentIds.flatMap((agentId) => {
    const presence = presenceOf(agentId);
    const { state = "idle", inFlight = state === "working" ? 1 : 0 } = presence?.activity ?? {};
    const takesWork =
      presence?.status === "online" &&
      presence.stalledSince === null &&
      state !== "draining" &&
      state !== "blocked";
    return takesWork ? [{ agentId, load: inFlight, at: random() }] : [];
  });
  const [best] = able
    .sort((a, b) => a.at - b.at)
    .slice(0, 2)
    .sort((a, b) => a.load - b.load);
  return best?.agentId;
}

const spokenLast = (connections: FakeConnection[]) =>
  connections.findLast(({ messages }) => messages.length > 0) ?? connections.at(-1);
