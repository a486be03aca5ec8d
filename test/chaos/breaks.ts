/**
 * The product, broken on purpose in what its functions ask of the database: a run has to find each of these.
 * It is done on the way there, so that what runs is what is deployed.
 */

import { mayExpire, mayHold, mayRelease } from "../../lambda/lease/conditions";

/** What an UpdateItem says, as far as it is broken here. */
interface Request {
  ConditionExpression?: string;
  ExpressionAttributeValues?: Record<string, { N?: string }>;
}

export interface Break {
  /** What is wrong with the product. */
  what: string;
  /** The counts of the report of which at least one has to tell. */
  seenIn: readonly ("falseOfflines" | "late" | "rows")[];
  /** Changes the request in place. @returns whether it did */
  apply(request: Request): boolean;
}

/** Replaces a part of one of the lease's conditions. */
function inCondition(condition: string, part: string, instead: string): Break["apply"] {
  if (!condition.includes(part)) throw new Error(`expected a condition with ${part}: ${condition}`);
  return (request) => {
    if (request.ConditionExpression !== condition) return false;
    request.ConditionExpression = condition.replace(part, instead);
    return true;
  };
}

/** How much longer than it is told to be. */
const LONGER_MS = 5000;

export const BREAKS = {
  "any-end": {
    what: "the end of any connection ends the agent's lease, of an older one too",
    seenIn: ["falseOfflines"],
    apply: inCondition(
      mayRelease,
      "connectionId = :connectionId",
      "(connectionId = :connectionId OR attribute_exists(connectionId))",
    ),
  },
  "any-heartbeat": {
    what: "a heartbeat of any connection takes the row, of an older one too",
    seenIn: ["falseOfflines", "late"],
    apply: inCondition(mayHold, "connectedAt < :connectedAt", "connectedAt <> :connectedAt"),
  },
  "long-lease": {
    what: `leases are ${LONGER_MS / 1000} s longer than agreed`,
    seenIn: ["late"],
    apply({ ConditionExpression, ExpressionAttributeValues: values }) {
      const end = values?.[":leaseExpiresAt"];
      if (ConditionExpression !== mayHold || end?.N === undefined) return false;
      end.N = String(Number(end.N) + LONGER_MS);
      return true;
    },
  },
  "no-expiry": {
    what: "the sweep never stores anybody as gone",
    seenIn: ["rows"],
    apply: inCondition(
      mayExpire,
      "#status = :online",
      "(#status = :online AND #status <> :online)",
    ),
  },
} as const satisfies Record<string, Break>;

export type BreakName = keyof typeof BREAKS;

/** Applies a break to the requests that pass, and counts how often it did. */
export class Saboteur {
  applied = 0;

  constructor(private readonly sabotage: Break) {}

  /** @param body of a request to the database @returns what is to be sent in its place */
  rewrite(operation: string, body: Buffer): Buffer {
    if (!operation.endsWith(".UpdateItem")) return body;
    const request = JSON.parse(body.toString()) as Request;
    if (!this.sabotage.apply(request)) return body;
    this.applied += 1;
    return Buffer.from(JSON.stringify(request));
  }
}
