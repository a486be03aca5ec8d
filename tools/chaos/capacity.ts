/** Measures how many heartbeats a second this machine acknowledges, with all that a run has beside the runtime. */

import { clientOf } from "../../testing/engine";
import { Child } from "../bench/child";
import { registered } from "../bench/throughput/agents";
import type {
  LoadOrder,
  LoadResult,
  OverloadOrder,
  OverloadResult,
} from "../bench/throughput/load";
import { fileOf } from "../bench/throughput/measure";
import { INTERVAL_SECONDS, type Stage } from "./stage/stage";

/** What a fleet may take of the capacity by its heartbeats: faults add logins, retries and clean-up. */
export const FLEET_SHARE = 1 / 3;

/** Heartbeats under way at once while the capacity is measured, each on a connection of its own. */
const OUTSTANDING = 32;
const HEARTBEATS = 1000;

/** Heartbeats a second. Takes some seconds. */
export async function measureCapacity(stage: Stage): Promise<number> {
  const under = { connections: OUTSTANDING, outstanding: OUTSTANDING };
  const order = { ...under, heartbeats: HEARTBEATS, lenient: true };
  return Math.floor((await load<LoadResult>(stage, order)).perSecond);
}

/** How many agents send no more heartbeats than a share of the capacity. */
export function fleetFor(capacity: number, share: number, most: number): number {
  return Math.min(most, Math.floor(capacity * share * INTERVAL_SECONDS));
}

/** Sends heartbeats of an organization of their own. */
export async function load<Result extends LoadResult | OverloadResult>(
  stage: Stage,
  order: Omit<LoadOrder, "url" | "key"> | Omit<OverloadOrder, "url" | "key">,
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
