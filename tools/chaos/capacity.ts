/** Measures what this machine carries, with all that a run has beside the runtime. */

import { clientOf } from "../../testing/engine";
import { Child } from "../bench/child";
import { registered } from "../bench/throughput/agents";
import type {
  LoadOrder,
  LoadResult,
  OverloadOrder,
  OverloadResult,
  VisitsOrder,
} from "../bench/throughput/load";
import { fileOf } from "../bench/throughput/measure";
import { FASTEST, type Pace, paceOf } from "./stage/pace";
import type { Stage } from "./stage/stage";

/** What a fleet may take of the machine undisturbed: faults add reconnects, retries and clean-up. */
export const FLEET_SHARE = 1 / 3;

/** Heartbeats under way at once while the capacity is measured, each on a connection of its own. */
const OUTSTANDING = 32;
const HEARTBEATS = 1000;
const VISITS = 60;

export interface Capacity {
  /** Heartbeats a second that are acknowledged. */
  heartbeats: number;
  /** Connections a second that log in, subscribe, send a heartbeat and end. */
  connections: number;
}

/** Takes some seconds. */
export async function measureCapacity(stage: Stage): Promise<Capacity> {
  const under = { connections: OUTSTANDING, outstanding: OUTSTANDING };
  const order = { ...under, heartbeats: HEARTBEATS, lenient: true };
  const heartbeats = await load<LoadResult>(stage, order);
  const visits = { visits: true, connections: VISITS, outstanding: OUTSTANDING } as const;
  const connections = await load<LoadResult>(stage, visits);
  return {
    heartbeats: Math.floor(heartbeats.perSecond),
    connections: Math.floor(connections.perSecond),
  };
}

export const capacityText = ({ heartbeats, connections }: Capacity) =>
  `this machine takes ${heartbeats} heartbeats a second, or ${connections} new connections`;

/** The share of a capacity that one agent takes undisturbed: its heartbeats, and the rotation of its connections. */
export function shareOfAgent({ heartbeats, connections }: Capacity, pace = FASTEST): number {
  const { heartbeatInterval, rotateAfter } = pace.options;
  const rotations = 2 / (rotateAfter.min + rotateAfter.max);
  return 1 / heartbeatInterval / heartbeats + rotations / connections;
}

/** The pace, of whole seconds, at which so many agents take no more than a share of the capacity. */
export function paceFor(capacity: Capacity, share: number, agents: number): Pace {
  const times = (agents * shareOfAgent(capacity)) / share;
  return paceOf(Math.ceil(FASTEST.options.heartbeatInterval * Math.max(1, times)));
}

/** How many agents take no more than a share of the capacity. */
export function fleetFor(capacity: Capacity, share: number, most: number): number {
  return Math.min(most, Math.floor(share / shareOfAgent(capacity)));
}

type Order = LoadOrder | OverloadOrder | VisitsOrder;
type WithoutTarget<One> = One extends Order ? Omit<One, "url" | "key"> : never;

/** Loads the runtime with agents of an organization of their own. */
export async function load<Result extends LoadResult | OverloadResult>(
  stage: Stage,
  order: WithoutTarget<Order>,
): Promise<Result> {
  const { webSocketUrl: url, registryTableName } = stage.ready;
  const client = clientOf(stage.database.endpoint);
  const key = await registered(client, registryTableName, order.connections);
  client.destroy();
  const program = new Child(fileOf("load"));
  try {
    return await program.ask<Result>({ ...order, url, key });
  } finally {
    await program.stop();
  }
}
