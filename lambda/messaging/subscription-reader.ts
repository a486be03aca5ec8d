/**
 * Reads the subscriptions at an address. Those of groups come first in it, sorted by group, pattern and process: of a group
 * that a page does not hold, the rest is passed over, and a few members are drawn at random. So a publish costs the same
 * whether a group has a hundred members or a hundred thousand.
 */

import { type DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { LIMITS } from "../../core/limits";
import { matchesSubject } from "../../core/subject";
import { groupIn } from "../../core/subscription-keys";

/** A connection that messages go to. */
export interface Subscriber {
  organizationId: string;
  agentId: string;
  /** Which process: a connection and the one that replaces it count as one. */
  instanceId: string;
  connectionId: string;
}

/** A subscription as it is stored. */
export interface FoundSubscription extends Subscriber {
  pattern: string;
  /** Of whose members one gets each message. */
  group?: string | undefined;
}

export interface AddressReader {
  client: DynamoDBClient;
  tableName: string;
  /** From 0 to below 1. */
  random: () => number;
}

/** Subscriptions of one read, about 300 KB. */
const PAGE = 1000;

/** Of the first read, and of those that follow while there are groups: no more members are read than needed. */
const GROUPS_PAGE = 100;

/** Members that are drawn of a group that its page does not hold. */
const SAMPLE = 25;

/**
 * The subscriptions at an address to subjects like this one, as far as one message may read them.
 *
 * @param now epoch milliseconds
 * @returns what was found, and whether nothing else is there but further members of its groups
 */
export async function readAddress(
  reader: AddressReader,
  address: string,
  subject: string,
  now: number,
): Promise<{ found: FoundSubscription[]; complete: boolean }> {
  const found: FoundSubscription[] = [];
  let left: number = LIMITS.subscriptionsRead;
  let size = GROUPS_PAGE;
  let after: string | undefined;
  for (;;) {
    const page = await readPage(reader, address, now, { after, limit: Math.min(size, left) });
    left -= page.scanned;
    const cut = page.last === undefined ? undefined : groupIn(page.last);
    if (cut && left > 0 && matchesSubject(cut.pattern, subject)) {
      const drawn = await readPage(reader, address, now, {
        after: cut.prefix + slotOf(reader.random()),
        end: cut.end,
        limit: Math.min(SAMPLE, left),
      });
      left -= drawn.scanned;
      found.push(...drawn.found);
      // The page has the group's first members, which follow on its last.
      const { group, pattern } = cut;
      const isFirst = (each: FoundSubscription) => each.group === group && each.pattern === pattern;
      if (drawn.last !== undefined) page.found = page.found.filter((each) => !isFirst(each));
    }
    found.push(...page.found);
    if (page.last === undefined) return { found, complete: true };
    if (left <= 0) return { found, complete: false };
    after = cut?.end ?? page.last;
    if (!cut) size = PAGE;
  }
}

/**
 * Up to 25 connections at an address whose sort keys begin with slots: those behind a random slot, and then the first ones.
 *
 * @param now epoch milliseconds
 */
export async function drawSlots(
  reader: AddressReader,
  address: string,
  now: number,
): Promise<Subscriber[]> {
  const slot = slotOf(reader.random());
  const behind = await readPage(reader, address, now, { after: slot, limit: SAMPLE });
  const left = SAMPLE - behind.scanned;
  if (left <= 0) return behind.found;
  const before = await readPage(reader, address, now, { after: undefined, end: slot, limit: left });
  return [...behind.found, ...before.found];
}

/** @param range after which sort key, and before which one */
async function readPage(
  { client, tableName }: AddressReader,
  address: string,
  now: number,
  { after, end, limit }: { after: string | undefined; end?: string; limit: number },
) {
  const query = queryAt(tableName, address, now);
  const {
    Items = [],
    ScannedCount = 0,
    LastEvaluatedKey,
  } = await client.send(
    new QueryCommand({
      ...query,
      Limit: limit,
      ...(end !== undefined && {
        KeyConditionExpression: `${query.KeyConditionExpression} AND subscriber < :end`,
        ExpressionAttributeValues: { ...query.ExpressionAttributeValues, ":end": { S: end } },
      }),
      ...(after !== undefined && {
        ExclusiveStartKey: { address: { S: address }, subscriber: { S: after } },
      }),
    }),
  );
  return {
    found: Items.map((item) => unmarshall(item) as FoundSubscription),
    scanned: ScannedCount,
    last: LastEvaluatedKey?.subscriber?.S,
  };
}

/** A query for what has not expired at an address. */
export const queryAt = (TableName: string, address: string, now: number) => ({
  TableName,
  KeyConditionExpression: "address = :address",
  FilterExpression: "ttlEpochSeconds > :now",
  ExpressionAttributeValues: {
    ":address": { S: address },
    ":now": { N: String(Math.floor(now / 1000)) },
  },
  // Whoever has been answered "subscribed" counts on missing nothing from then on.
  ConsistentRead: true,
});

/** A place among the members of a group. @param share from 0 to below 1 */
const slotOf = (share: number) =>
  Math.floor(share * 2 ** 32)
    .toString(16)
    .padStart(8, "0");
