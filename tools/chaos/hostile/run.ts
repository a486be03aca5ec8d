/** A run with a hostile tenant: another organization's agents are checked, first without the tenant and then with it. */

import { join } from "node:path";
import { exportJWK } from "jose";
import pLimit from "p-limit";
import { clientOf } from "../../../testing/engine";
import { putAgent, testKey } from "../../../testing/login";
import { seededRandom } from "../../../testing/random";
import { Child } from "../../bench/child";
import type { SentKey } from "../../bench/throughput/agents";
import { capacityText, fleetFor, measureCapacity } from "../capacity";
import type { Evidence } from "../evidence";
import { pause } from "../faults/pause";
import { come, finish, PER_PROCESS, Watch } from "../run";
import { Stage } from "../stage/stage";
import { ATTACK_SHARE, attackWithin } from "./attack";
import { MOST_AGENTS } from "./concurrency";
import {
  type Attack,
  FLOODS,
  HOSTILE_ORGANIZATION,
  type HostileOrder,
  type HostileResult,
  nameOf,
} from "./orders";

export interface HostileOptions {
  /** With the tenant, and as long without it before. */
  seconds: number;
  /** Observed agents. @default as many as the machine can run during an attack */
  agents: number | undefined;
  seed: number;
  /** How many of the observed agents send their heartbeats over HTTP, from 0 to 1. */
  httpShare: number;
  /** Hears what is being done, a line each. */
  report(line: string): void;
}

export interface HostileEvidence {
  evidence: Evidence;
  capacity: number;
  attack: Attack;
  /** Between them there was no tenant yet. */
  calmFrom: number;
  hostileFrom: number;
  hostileUntil: number;
  hostile: HostileResult;
}

/** Fewer than in a fault run: what the attack may take is part of the question. */
const SHARE = 0.15;
/** How often an observed agent loses its connection, and how often one falls silent. */
const RESET_EVERY_MS = 1000;
const FREEZE_EVERY_MS = 10_000;

export async function runHostile(options: HostileOptions): Promise<HostileEvidence> {
  const { seconds, seed, httpShare, report } = options;
  const stage = await Stage.open({ seed, hostile: true, report });
  const watch = new Watch(stage);
  const ending = new AbortController();
  try {
    const capacity = await measureCapacity(stage);
    const agents = options.agents ?? fleetFor(capacity, SHARE, MOST_AGENTS);
    const attack = attackWithin(capacity, ATTACK_SHARE);
    report(`${capacityText(capacity)}; ${agents} agents are observed`);
    await stage.enrol(agents, Math.ceil(agents / PER_PROCESS), undefined, httpShare);
    await come(stage);
    watch.start();
    stage.recorder.begin();
    const exercise = exerciseFleet(stage, seed, ending.signal);
    const calmFrom = stage.now();
    await pause(seconds * 1000);
    const hostileFrom = stage.now();
    report("the hostile tenant comes");
    const hostile = await underAttack(stage, attack, seconds);
    const hostileUntil = stage.now();
    report("the hostile tenant is gone");
    ending.abort();
    await exercise;
    const evidence = await finish(stage, watch);
    return {
      evidence,
      capacity: capacity.heartbeats,
      attack,
      calmFrom,
      hostileFrom,
      hostileUntil,
      hostile,
    };
  } finally {
    ending.abort();
    watch.stop();
    await stage.close();
  }
}

async function underAttack(stage: Stage, attack: Attack, seconds: number): Promise<HostileResult> {
  const { webSocketUrl: url, httpPort, registryTableName } = stage.ready;
  const httpUrl = `http://127.0.0.1:${httpPort}`;
  const client = clientOf(stage.database.endpoint);
  const testing = await testKey("ES256");
  const named = [
    ...FLOODS.map((flood) => ({ agentId: nameOf.flood(flood), role: "agent" })),
    { agentId: nameOf.http, role: "agent" },
    { agentId: nameOf.flapping, role: "agent" },
    { agentId: nameOf.viewer, role: "viewer" },
    ...Array.from({ length: attack.silent }, (_, index) => ({
      agentId: nameOf.silent(index),
      role: "agent",
    })),
  ];
  await pLimit(50).map(named, (one) =>
    putAgent(client, registryTableName, [testing], {
      organizationId: HOSTILE_ORGANIZATION,
      ...one,
    }),
  );
  client.destroy();
  const { privateKey, ...rest } = testing;
  const key: SentKey = { ...rest, privateJwk: await exportJWK(privateKey) };
  const program = new Child(join(__dirname, "program.ts"));
  try {
    await program.ask({ url, httpUrl, key, attack } satisfies HostileOrder);
    await pause(seconds * 1000);
    return await program.ask<HostileResult>({ stop: true });
  } finally {
    await program.stop();
  }
}

/** Agents of the fleet lose their connections and fall silent, so that there are events that could be late. */
async function exerciseFleet(stage: Stage, seed: number, signal: AbortSignal): Promise<void> {
  const random = seededRandom(seed);
  const one = () => stage.agentIds[Math.floor(random() * stage.agentIds.length)] as string;
  const frozen: Promise<void>[] = [];
  for (let passedMs = 0; !signal.aborted; passedMs += RESET_EVERY_MS) {
    const agentId = one();
    stage.recorder.cut([agentId]);
    stage.link(agentId).reset();
    if (passedMs % FREEZE_EVERY_MS === 0) frozen.push(freeze(stage, one()));
    await pause(RESET_EVERY_MS);
  }
  await Promise.all(frozen);
}

async function freeze(stage: Stage, agentId: string): Promise<void> {
  const link = stage.link(agentId);
  link.freeze();
  const back = stage.recorder.absent("cut off", [agentId]);
  await pause(2 * stage.pace.leaseMs);
  back();
  link.thaw();
}
