/**
 * The product, broken on purpose in what its functions ask of the database: a run has to find each of these.
 * It is done on the way there, so that what runs is what is deployed.
 */

import { mayEnd, mayRenew } from "../../lambda/lease/conditions";

/** What an UpdateItem says, as far as it is broken here. */
interface Request {
  ConditionExpression?: string;
  ExpressionAttributeValues?: Record<string, { N?: string }>;
}

export interface Break {
  /** What is wrong with the product. */
  what: string;
  /** The count of the report that has to tell. */
  seenIn: "falseOfflines" | "late";
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

/** Lets a heartbeat renew the lease for more or less than agreed. */
function byOtherLeases(ms: number): Break["apply"] {
  return ({ ConditionExpression, ExpressionAttributeValues: values }) => {
    const end = values?.[":leaseExpiresAt"];
    if (ConditionExpression !== mayRenew("goesOn") || end?.N === undefined) return false;
    end.N = String(Number(end.N) + ms);
    return true;
  };
}

const OTHERWISE_MS = 4500;

export const BREAKS = {
  "any-end": {
    what: "the end of any connection ends the agent's lease, of an older one too",
    seenIn: "falseOfflines",
    apply: inCondition(
      mayEnd,
      "contains(connections, :entry) AND size(connections) = :one",
      "size(connections) >= :one",
    ),
  },
  "long-lease": {
    what: `leases are ${OTHERWISE_MS / 1000} s longer than agreed`,
    seenIn: "late",
    apply: byOtherLeases(OTHERWISE_MS),
  },
  "short-lease": {
    what: `leases are ${OTHERWISE_MS / 1000} s shorter than agreed`,
    seenIn: "falseOfflines",
    apply: byOtherLeases(-OTHERWISE_MS),
  },
} as const satisfies Record<string, Break>;

export type BreakName = keyof typeof BREAKS;

/** Applies a break to the requests that pass, and counts how often it did. */
export class FaultInjector {
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
