/**
 * Histories of agents, made by chance: connections that overlap, heartbeats, ends; and what a gateway, Lambda
 * and DynamoDB make of them: delays, disorder, repetitions, losses, sweeps that overlap.
 */

import type { OfflineReason } from "@agent-heartbeat/sdk/protocol";
import fc from "fast-check";

/** Something that really happened on a connection. */
export interface Fact {
  kind: "connect" | "heartbeat" | "disconnect";
  agent: number;
  connection: number;
  at: number;
  reason?: OfflineReason;
}

/** One connection of an agent. */
export interface Connection {
  agent: number;
  connectedAt: number;
  /** Ids are not in the order of time. */
  connectionId: string;
  /** Which process of the agent has it: connections of one are told apart from those of another. */
  process: number;
}

/** What reaches the table, in the order in which it does. */
export type Step =
  /** Two facts are handled at once: the writes of one fall between those of the other. */
  | { do: "deliver"; facts: Fact[] }
  /** A sweep reads a row and judges it by its clock. */
  | { do: "observe"; sweep: number; agent: number; now: number }
  /** The same sweep acts on what it has read. */
  | { do: "expire"; sweep: number }
  /** The TTL deletes what is past its retention. */
  | { do: "purge"; now: number };

export interface History {
  connections: Connection[];
  steps: Step[];
}

export const LEASE_MS = 100;
export const RETENTION_MS = 400;

/** Agents of two organizations, two of them with the same id. */
export const AGENTS = [
  { organizationId: "acme", agentId: "a" },
  { organizationId: "other", agentId: "a" },
] as const;

const REASONS = ["client_closed", "connection_lost", "gateway_closed", "drained"] as const;

const connectionArbitrary = fc.record({
  agent: fc.nat({ max: AGENTS.length - 1 }),
  process: fc.nat({ max: 1 }),
  // Few values, so that several begin in the same millisecond.
  connectedAt: fc.nat({ max: 4 }).map((tens) => 1000 + tens * 10),
  beats: fc.array(fc.nat({ max: 250 }), { maxLength: 3 }),
  end: fc.option(fc.nat({ max: 300 })),
  reason: fc.constantFrom(...REASONS),
});

const historyParts = fc.record({
  connections: fc.array(connectionArbitrary, { minLength: 1, maxLength: 4 }),
  // For each fact: how late it comes, how late it comes again, and whether it comes at all.
  fates: fc.array(
    fc.record({
      delay: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat({ max: 400 })),
      again: fc.option(fc.nat({ max: 400 }), { freq: 2 }),
      lost: fc.integer({ min: 0, max: 9 }),
    }),
    { minLength: 20, maxLength: 20 },
  ),
  sweeps: fc.array(
    fc.record({
      agent: fc.nat({ max: AGENTS.length - 1 }),
      at: fc.nat({ max: 700 }),
      takes: fc.nat({ max: 60 }),
    }),
    { maxLength: 4 },
  ),
  // Which deliveries are handled at once with the one behind them.
  pairs: fc.array(fc.nat({ max: 12 }), { maxLength: 6 }),
  purges: fc.array(fc.nat({ max: 1200 }), { maxLength: 1 }),
});

/** A history, and the order in which it reaches the table. */
export const historyArbitrary: fc.Arbitrary<History> = historyParts.map(
  ({ connections: drawn, fates, sweeps, purges, pairs }) => {
    const connections = drawn.map(({ agent, process, connectedAt }, index) => ({
      agent,
      process,
      connectedAt,
      connectionId: `connection-${(index * 7) % 5}${index}`,
    }));
    const facts = drawn.flatMap(
      ({ agent, connectedAt, beats, end, reason }, connection): Fact[] => {
        const common = { agent, connection };
        const last = connectedAt + (end ?? 300);
        return [
          { ...common, kind: "connect", at: connectedAt },
          ...beats
            .map((after) => connectedAt + after)
            .filter((at) => at <= last)
            .map((at): Fact => ({ ...common, kind: "heartbeat", at })),
          ...(end === null ? [] : [{ ...common, kind: "disconnect" as const, at: last, reason }]),
        ];
      },
    );
    const timed: { at: number; step: Step }[] = facts.flatMap((fact, index) => {
      const { delay, again, lost } = fates[index % fates.length] ?? {
        delay: 0,
        again: null,
        lost: 9,
      };
      // A connection that is open has been connected; anything else may be lost.
      if (fact.kind !== "connect" && lost === 0) return [];
      const first = fact.at + delay;
      const times = again === null ? [first] : [first, first + again];
      return times.map((at) => ({ at, step: { do: "deliver" as const, facts: [fact] } }));
    });
    for (const [sweep, { agent, at, takes }] of sweeps.entries()) {
      const now = 1000 + at;
      timed.push({ at: now, step: { do: "observe", sweep, agent, now } });
      timed.push({ at: now + takes, step: { do: "expire", sweep } });
    }
    for (const at of purges) {
      timed.push({ at: 1000 + at, step: { do: "purge", now: 1000 + at } });
    }
    timed.sort((one, other) => one.at - other.at);
    return {
      connections,
      steps: together(
        timed.map(({ step }) => step),
        pairs,
      ),
    };
  },
);

/** Deliveries at these places are handled at once with the one behind them. */
function together(steps: Step[], places: number[]): Step[] {
  const done: Step[] = [];
  for (const [place, step] of steps.entries()) {
    const before = done.at(-1);
    const both = step.do === "deliver" && before?.do === "deliver" && before.facts.length === 1;
    if (both && places.includes(place)) before.facts.push(...step.facts);
    else done.push(step);
  }
  return done;
}
