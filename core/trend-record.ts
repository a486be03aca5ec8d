/**
 * The records of how many agents were online at each sweep, by organization, in the AgentRegistry table: one an hour, with
 * an attribute for each minute in which a sweep counted.
 */

import type {
  AttributeValue,
  QueryCommandInput,
  UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import type { OnlineCount } from "./presence";
import { SWEEP_PARTITION } from "./registry-record";

/** Sweeps closer together than this are counted once, so that the cost does not depend on their interval. */
export const TREND_INTERVAL_MS = 4 * 60_000;

/** How far back a trend goes. */
const TREND_MS = 24 * 3_600_000;

/** A day is read; two more are kept for inspecting the table. */
const RETENTION_MS = 3 * TREND_MS;

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const PREFIX = "trend#";

/** What a record holds of a sweep: `at`, `online`, `stalled`, `overdue`. */
type Stored = [at: number, online: number, stalled: number, overdue: number];

/** Hours sort by their first moment. */
const recordIdOf = (at: number) => `${PREFIX}${new Date(at - (at % HOUR_MS)).toISOString()}`;

/** Stores an organization's counts of a sweep. Repeated, it changes nothing. */
export function trendUpdate(
  TableName: string,
  organizationId: string,
  { at, online, stalled, overdue }: OnlineCount,
): UpdateItemCommandInput {
  const counts: Stored = [at, online, stalled, overdue];
  return {
    TableName,
    Key: marshall({ organizationId, recordId: recordIdOf(at) }),
    UpdateExpression: "SET #minute = :counts, ttlEpochSeconds = :ttl",
    ExpressionAttributeNames: { "#minute": `m${Math.floor((at % HOUR_MS) / MINUTE_MS)}` },
    ExpressionAttributeValues: marshall({
      ":counts": counts,
      ":ttl": Math.ceil((at + RETENTION_MS) / 1000),
    }),
  };
}

/**
 * The mark of a sweep that has counted, for all organizations: one without counts of its own had no agent online.
 *
 * @param complete whether the counts of every organization were stored
 */
export const sweepMark = (TableName: string, at: number, complete: boolean) =>
  trendUpdate(TableName, SWEEP_PARTITION, { at, online: complete ? 1 : 0, stalled: 0, overdue: 0 });

/** The queries of a trend: of the organization's counts, and of the sweeps' marks. */
export const trendQueries = (
  TableName: string,
  organizationId: string,
  now: number,
): { own: QueryCommandInput; marks: QueryCommandInput } => {
  const query = (partition: string): QueryCommandInput => ({
    TableName,
    KeyConditionExpression: "organizationId = :partition AND recordId BETWEEN :from AND :to",
    ExpressionAttributeValues: marshall({
      ":partition": partition,
      ":from": recordIdOf(now - TREND_MS),
      ":to": recordIdOf(now),
    }),
  });
  return { own: query(organizationId), marks: query(SWEEP_PARTITION) };
};

type Items = Record<string, AttributeValue>[];

/** The counts of a day, oldest first. A sweep that could not store all counts is left out where there is none. */
export function trendIn(own: Items, marks: Items, now: number): OnlineCount[] {
  const counts = storedIn(own);
  for (const [at, complete] of storedIn(marks).values()) {
    if (complete && !counts.has(at)) counts.set(at, [at, 0, 0, 0]);
  }
  return [...counts.values()]
    .filter(([at]) => at > now - TREND_MS)
    .sort(([one], [other]) => one - other)
    .map(([at, online, stalled, overdue]) => ({ at, online, stalled, overdue }));
}

function storedIn(items: Items): Map<number, Stored> {
  const stored = items.flatMap((item) => Object.values(unmarshall(item)).filter(Array.isArray));
  return new Map((stored as Stored[]).map((counts) => [counts[0], counts]));
}
