/** What one message may cost at most, by route. A test tries to exceed each bound, and reaches it. */

import { LIMITS } from "../../core/limits";
import type { ClientMessage } from "../../core/protocol";
import { MOST_CONNECTIONS } from "../../lambda/lease/writes";
import { table } from "./fields";

export interface Bound {
  /** Items read from the tables. */
  reads: number;
  /** Items written or deleted, failed conditions included. */
  writes: number;
  /** Messages posted to connections. */
  posts: number;
}

export type BoundedRoute = ClientMessage["type"] | "$connect" | "$disconnect" | "$default";

/** The sender's row, and again where a first answer may be stale. */
const SENDER = 2;
/** The count of an agent's messages, against others that begin a window at the same time. */
const COUNT = 4;
/** Of a lease, against others that write it at the same time. */
const LEASE_ATTEMPTS = 6;

/** Connections that a message reads to find an agent with a capability. */
export const CAPABLE_READ = 25;

/** In the order of the documentation. */
export const BOUNDS: Readonly<Record<BoundedRoute, Bound>> = {
  // The agent, its used tokens, the size of the fleet, and the agent's capabilities, by which it is listed.
  $connect: { reads: 203, writes: 1 + LEASE_ATTEMPTS + LIMITS.capabilities, posts: 0 },
  $disconnect: {
    reads: LIMITS.subscriptions + LIMITS.capabilities,
    writes: LEASE_ATTEMPTS + LIMITS.subscriptions + LIMITS.capabilities,
    posts: 0,
  },
  // Where its lease has run out, and another connection renews it at the same moment.
  heartbeat: { reads: 0, writes: 3, posts: 1 },
  heartbeat_quiet: { reads: 0, writes: 3, posts: 1 },
  // Of each connection, the capabilities that are new, and those that are no more.
  profile: {
    reads: SENDER + 1,
    writes: COUNT + 1 + MOST_CONNECTIONS * 2 * LIMITS.capabilities,
    posts: 1,
  },
  // Counts what the agent has. A subscription that exceeded the limit is deleted again.
  subscribe: { reads: LIMITS.subscriptionsOfAgent + 1, writes: COUNT + 2, posts: 1 },
  unsubscribe: { reads: 0, writes: COUNT + 1, posts: 0 },
  // The status of members of groups. A message to many is counted a second time. A request to a group is noted for each member
  // that it is tried with, and for those that are gone no longer.
  publish: {
    reads: SENDER + 3 * LIMITS.subscriptionsRead + LIMITS.groups * LIMITS.membersTried,
    writes: 2 * COUNT + 2 * LIMITS.membersTried,
    posts: 3 * LIMITS.subscriptionsRead,
  },
  // Four reads of a page, its profiles, and what the sweep withholds.
  list: {
    reads: SENDER + 4 * LIMITS.listPageSize + LIMITS.listPageSize + 2,
    writes: COUNT,
    posts: 1,
  },
  // Two generations of an agent's transitions, with a counter each, and its row.
  history: { reads: SENDER + 2 * (LIMITS.historyLength + 1) + 1, writes: COUNT, posts: 1 },
  $default: { reads: 0, writes: 0, posts: 0 },
};

/** The table in docs/limits.md. */
export function boundBlocks(): Record<string, string> {
  const rows = Object.entries(BOUNDS).map(([route, { reads, writes, posts }]) => [
    `\`${route}\``,
    ...[reads, writes, posts].map((count) => count.toLocaleString("en-US")),
  ]);
  return { bounds: table(["route", "items read", "items written", "posts"], rows) };
}
