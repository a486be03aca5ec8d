/**
 * Where subscriptions lie in their table, so that a publish finds those of its subject by at most three
 * queries, however many the organization has.
 *
 * A subscription to a plain subject lies at an address of that subject's own. One to a pattern lies with
 * the patterns of the same first token, or with those that begin with a wildcard: there are few of them,
 * and the publish picks out those that match.
 */

import { isSubject, RESERVED } from "./subject";

const RESERVED_TOKENS: ReadonlySet<string> = new Set(Object.values(RESERVED));

/** The address of a subscription. No id and no subject contains `#`. */
export function addressOf(organizationId: string, pattern: string): string {
  return isSubject(pattern)
    ? subjectAddress(organizationId, pattern)
    : patternAddress(organizationId, firstTokenOf(pattern));
}

/**
 * Begins the sort keys of groups' members. No connection id begins with it, and it comes before all of them: a publish
 * reads the groups of an address first.
 */
const GROUP = "!";

/** Comes right after all keys that begin with `!`: no id, no subject and no slot contains either. */
const AFTER = '"';

/** The sort key of a subscription at its address. */
export function subscriberOf(connectionId: string, pattern: string, member?: Member): string {
  return member
    ? `${groupPrefix(member.group, pattern)}${member.slot}#${connectionId}`
    : `${connectionId}#${pattern}`;
}

/** A process's place among the members of its group. Its connections have the same one. */
export interface Member {
  group: string;
  /** Eight hexadecimal digits. */
  slot: string;
}

/** How the sort keys of a group's members begin, of those that have the same pattern. */
const groupPrefix = (group: string, pattern: string) =>
  [GROUP, group, GROUP, pattern, GROUP].join("");

/** The group, pattern and prefix in a member's sort key; undefined for a subscription without a group. */
export function groupIn(subscriber: string) {
  if (!subscriber.startsWith(GROUP)) return undefined;
  const [, group = "", pattern = ""] = subscriber.split(GROUP);
  const prefix = groupPrefix(group, pattern);
  return { group, pattern, prefix, end: prefix.slice(0, -1) + AFTER };
}

/** The connection in a sort key. */
export function subscribedConnection(subscriber: string): string {
  const [first = "", second = ""] = subscriber.split("#");
  return groupIn(subscriber) ? second : first;
}

/** Whose subscription it is, by which those of an agent are counted. */
export const ownerOf = (organizationId: string, agentId: string) => `${organizationId}#${agentId}`;

/** Where an agent's messages of a type are counted: beside the subscriptions, for no longer than they live. */
export const senderRateKey = (organizationId: string, agentId: string, type: string) => ({
  address: { S: `${organizationId}#sender#${agentId}` },
  subscriber: { S: type },
});

/** The addresses at which the subscriptions to a subject lie, among others. */
export function addressesFor(organizationId: string, subject: string): string[] {
  const first = firstTokenOf(subject);
  const addresses = [
    subjectAddress(organizationId, subject),
    patternAddress(organizationId, first),
  ];
  // The service's own messages reach only subscribers that named the subject.
  if (!RESERVED_TOKENS.has(first)) addresses.push(patternAddress(organizationId, "*"));
  return addresses;
}

/** Where the connections of agents with a capability are listed. A capability may be any text: nothing follows on it. */
export const capabilityAddress = (organizationId: string, capability: string) =>
  `${organizationId}#capability#${capability}`;

/** The sort key of a connection there. @param slot spreads processes, as those of groups' members */
export const capableConnection = (slot: string, connectionId: string) => `${slot}#${connectionId}`;

/** Where the requests are listed that an agent has not answered. */
export const openRequestsAddress = (organizationId: string, agentId: string) =>
  `${organizationId}#requests#${agentId}`;

/** The item of one of them, by the subject of its answer. */
export const openRequestKey = (organizationId: string, agentId: string, replyTo: string) => ({
  address: { S: openRequestsAddress(organizationId, agentId) },
  subscriber: { S: replyTo },
});

/** Where the connections of a viewer or publisher are listed, which no row lists. */
export const connectionsAddress = (organizationId: string, agentId: string) =>
  `${organizationId}#connections#${agentId}`;

const subjectAddress = (organizationId: string, subject: string) =>
  `${organizationId}#subject#${subject}`;

const patternAddress = (organizationId: string, first: string) =>
  `${organizationId}#pattern#${first === ">" ? "*" : first}`;

/** The first token of a subject or pattern. */
export function firstTokenOf(pattern: string): string {
  const end = pattern.indexOf(".");
  return end < 0 ? pattern : pattern.slice(0, end);
}
