/** Plays a history against a table, and judges after every step whether readers would be told the truth. */

import { isDeepStrictEqual } from "node:util";
import { derivePresence, type StatusRow } from "@agent-heartbeat/sdk/status";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { type LeaseHolder, LeaseStore } from "../../lambda/lease/store";
import { storedRow } from "../presence";
import {
  AGENTS,
  type Connection,
  type Fact,
  type History,
  LEASE_MS,
  RETENTION_MS,
} from "./history";
import { SpareWitness } from "./spare-witness";
import { type Delivery, type Truth, truthOf } from "./truth";

/** A table under test. */
export interface Table {
  client: DynamoDBClient;
  tableName: string;
  /** Set apart from other histories in the same table. */
  prefix?: string;
  purge?(now: number): void;
}

/** A reader was told something else than the truth. */
export class InvariantViolation extends Error {
  override name = "InvariantViolation";
}

/** @throws InvariantViolation at the first step after which the table lies */
export async function judge(history: History, table: Table): Promise<void> {
  const { client, tableName, prefix = "" } = table;
  const store = new LeaseStore({ client, tableName, retentionMs: RETENTION_MS });
  const names = AGENTS.map(({ organizationId, agentId }) => ({
    organizationId: `${prefix}${organizationId}`,
    agentId,
  }));
  const holders = history.connections.map((connection) => holderOf(connection, names));
  const read = (agent: number) => storedRow(client, tableName, nameOf(names, agent));
  const observed = new Map<number, [StatusRow, number]>();
  const delivered: Delivery[] = [];
  const spares = AGENTS.map(() => new SpareWitness(history.connections));
  let purged = false;
  let clock = 0;

  for (const [index, step] of history.steps.entries()) {
    switch (step.do) {
      case "deliver":
        await Promise.all(step.facts.map((fact) => deliver(store, holders, fact)));
        delivered.push(...step.facts.map((fact) => ({ fact, step: index })));
        clock = Math.max(clock, ...step.facts.map(({ at }) => at));
        break;
      case "observe": {
        const row = await read(step.agent);
        const over = row?.status === "online" && row.leaseExpiresAt < step.now;
        if (row && over) observed.set(step.sweep, [row, step.agent]);
        clock = Math.max(clock, step.now);
        break;
      }
      case "expire": {
        const [seen, agent] = observed.get(step.sweep) ?? [];
        if (!seen || agent === undefined) break;
        const before = await read(agent);
        await store.expire(seen);
        judgeExpiry(seen, before, await read(agent), `step ${index}`);
        break;
      }
      case "purge":
        table.purge?.(step.now);
        purged ||= table.purge !== undefined;
        clock = Math.max(clock, step.now);
        break;
    }
    for (const agent of AGENTS.keys()) {
      const truth = truthOf(history.connections, delivered, agent);
      const when = `step ${index}, ${JSON.stringify(step)}`;
      const row = await read(agent);
      compare(truth, row, clock, purged, when);
      if (purged || step.do !== "deliver" || !truth) continue;
      const facts = step.facts.filter((fact) => fact.agent === agent);
      const owedUntil = spares[agent]?.hear(facts, truth, row);
      if (owedUntil === undefined || clock >= owedUntil) continue;
      const status = row && derivePresence(row, clock).status;
      expectEqual(status, "online", "status by an older connection that lives", when);
      if (row && row.leaseExpiresAt < owedUntil) {
        throw new InvariantViolation(
          `${when}: expected a lease until ${owedUntil}, got ${text(row)}`,
        );
      }
    }
  }
}

/**
 * @throws InvariantViolation if the row does not say what is true at a moment. While an older connection of the same
 *   process beats, it may also keep the agent online, though no longer than a lease.
 */
function compare(
  truth: Truth | undefined,
  row: StatusRow | undefined,
  now: number,
  purged: boolean,
  when: string,
): void {
  const online = truth !== undefined && !truth.ended && now < truth.lastHeartbeatAt + LEASE_MS;
  const byOlder = truth?.keepers.some(({ at }) => now < at + LEASE_MS) ?? false;
  const found = row && derivePresence(row, now);
  if (!byOlder || online) {
    expectEqual(found?.status ?? "offline", online ? "online" : "offline", "status", when);
  }
  // What is deleted may be forgotten; what it reads as may not.
  if (purged || !truth || !row) {
    if (truth && !row && !purged) throw new InvariantViolation(`${when}: the row is missing`);
    return;
  }
  const { connection, ended, olderBeats, olderEnds } = truth;
  expectEqual(row.connectionId, connection.connectionId, "connectionId", when);
  expectEqual(row.connectedAt, connection.connectedAt, "connectedAt", when);
  expectEqual(row.instanceId, instanceOf(connection), "instanceId", when);
  expectEqual(row.onlineSince !== undefined, row.status === "online", "onlineSince", when);
  expectEqual(row.reason !== undefined, row.status === "offline", "reason is given", when);
  const ends = ended ? [ended, ...olderEnds] : [];
  const endsAt = ended ? ends.map(({ at }) => at) : [undefined];
  expectOneOf(row.disconnectedAt, endsAt, "disconnectedAt", when);
  const olderLeases = olderBeats.map(({ at }) => at + LEASE_MS);
  if (ended) {
    if (row.status === "online") {
      const running = olderLeases.filter((until) => until > ended.at);
      expectOneOf(row.leaseExpiresAt, running, "leaseExpiresAt of an older connection", when);
      return;
    }
    expectOneOf(row.reason, ["lease_expired", ...ends.map(({ reason }) => reason)], "reason", when);
  } else {
    const beats = olderBeats.map(({ at }) => at).filter((at) => at > truth.lastHeartbeatAt);
    expectOneOf(row.lastHeartbeatAt, [truth.lastHeartbeatAt, ...beats], "lastHeartbeatAt", when);
    expectEqual(row.leaseExpiresAt, row.lastHeartbeatAt + LEASE_MS, "leaseExpiresAt", when);
    if (row.status === "offline") expectEqual(row.reason, "lease_expired", "reason", when);
    const kept = Math.ceil((row.leaseExpiresAt + RETENTION_MS) / 1000);
    expectEqual(row.ttlEpochSeconds, kept, "ttlEpochSeconds", when);
  }
}

/** A sweep stores as offline what is still as it has seen it, and touches nothing else. */
function judgeExpiry(
  seen: StatusRow,
  before: StatusRow | undefined,
  after: StatusRow | undefined,
  when: string,
): void {
  const same = before?.status === "online" && before.leaseExpiresAt === seen.leaseExpiresAt;
  if (!same) {
    expectEqual(after, before, "a row that a sweep may not touch", when);
    return;
  }
  const { onlineSince: _, ...kept } = before;
  const expected = { ...kept, status: "offline", reason: "lease_expired" };
  expectEqual(after, expected, "a row that a sweep expires", when);
}

function expectEqual(found: unknown, expected: unknown, what: string, when: string): void {
  if (isDeepStrictEqual(found, expected)) return;
  throw new InvariantViolation(`${when}: ${what}: expected ${text(expected)}, got ${text(found)}`);
}

function deliver(store: LeaseStore, holders: LeaseHolder[], fact: Fact): Promise<unknown> {
  const holder = holders[fact.connection];
  if (!holder) throw new Error("no such connection");
  switch (fact.kind) {
    case "connect":
      return store.acquire(holder, fact.at);
    case "heartbeat":
      return store.renew(holder, fact.at);
    case "disconnect":
      return store.release(holder, fact.at, fact.reason ?? "connection_lost");
  }
}

type Name = { organizationId: string; agentId: string };

function holderOf(connection: Connection, names: Name[]): LeaseHolder {
  const { agent, connectedAt, connectionId } = connection;
  return {
    ...nameOf(names, agent),
    connectedAt,
    connectionId,
    instanceId: instanceOf(connection),
    leaseMs: LEASE_MS,
    heartbeatIntervalMs: 30,
  };
}

const instanceOf = ({ process }: Connection) => `process-${process}`;

function nameOf(names: Name[], agent: number): Name {
  const name = names[agent];
  if (!name) throw new Error(`no agent ${agent}`);
  return name;
}

function expectOneOf(found: unknown, expected: unknown[], what: string, when: string): void {
  if (expected.includes(found)) return;
  throw new InvariantViolation(
    `${when}: ${what}: expected one of ${text(expected)}, got ${text(found)}`,
  );
}

const text = (value: unknown) => JSON.stringify(value) ?? "none";
