/**
 * Defects injected into the requests that functions send to the database. A run must detect each of them. The functions
 * themselves run unchanged.
 */

import { END, renew } from "../../lambda/lease/writes";

/** The parts of an UpdateItem request that are changed. */
interface Request {
  ConditionExpression?: string;
  ExpressionAttributeValues?: Record<string, { N?: string }>;
}

export interface Break {
  /** The defect. */
  what: string;
  /** The count in the report that must not be 0. */
  seenIn: "falseOfflines" | "late";
  /** Changes the request in place. @returns whether it was changed */
  apply(request: Request): boolean;
}

/** Replaces a part of a lease condition. */
function inCondition(condition: string, part: string, instead: string): Break["apply"] {
  if (!condition.includes(part)) throw new Error(`expected a condition with ${part}: ${condition}`);
  return (request) => {
    if (request.ConditionExpression !== condition) return false;
    request.ConditionExpression = condition.replace(part, instead);
    return true;
  };
}

/** Makes heartbeats renew the lease for longer or shorter than agreed. */
function byOtherLeases(ms: number): Break["apply"] {
  return ({ ConditionExpression, ExpressionAttributeValues: values }) => {
    const end = values?.[":leaseExpiresAt"];
    if (ConditionExpression !== renew("goesOn", {}).condition || end?.N === undefined) return false;
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
      END.condition,
      "connections = :entries",
      "(connections = :entries OR attribute_exists(connections))",
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

/** Applies a defect to requests, and counts the changes. */
export class FaultInjector {
  applied = 0;

  constructor(private readonly sabotage: Break) {}

  /** @param body the body of a request to the database @returns the body to send instead */
  rewrite(operation: string, body: Buffer): Buffer {
    if (!operation.endsWith(".UpdateItem")) return body;
    const request = JSON.parse(body.toString()) as Request;
    if (!this.sabotage.apply(request)) return body;
    this.applied += 1;
    return Buffer.from(JSON.stringify(request));
  }
}
