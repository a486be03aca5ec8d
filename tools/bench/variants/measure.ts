/** Counts what a heartbeat and a sweep cost in each of the usual designs. */

import { CreateTableCommand } from "@aws-sdk/client-dynamodb";
import { forEachConcurrently } from "../../../lambda/shared/concurrency";
import { clientOf, startEngine } from "../../../testing/engine";
import { Meter, type Units } from "../billing-units/meter";
import { ackByPost } from "./ack-by-post";
import { indexOnLastHeartbeat } from "./index-on-last-heartbeat";
import { lookupByConnection } from "./lookup-by-connection";
import { platformLogs } from "./platform-logs";
import type { Beat, Variant } from "./variant";

const VARIANTS = [indexOnLastHeartbeat, ackByPost, lookupByConnection, platformLogs];

const NOW = 1_790_000_000_000;

/** Connects under way at once. */
const CONCURRENCY = 50;

/** Agents whose leases a sweep looks through. */
const FLEET = 1000;

export interface VariantFigures {
  name: string;
  what: string;
  connect: Units;
  heartbeat: Units;
  /** A sweep of a thousand agents that finds nothing; null where it is a scan, as here. */
  sweep: Units | null;
}

/** The counts are exact, so that once is enough. */
export async function measureVariants(): Promise<VariantFigures[]> {
  const engine = await startEngine();
  const meter = new Meter();
  const client = meter.watch(clientOf(engine.endpoint));
  const calls = { client, meter };
  const measureOne = async (variant: Variant): Promise<VariantFigures> => {
    for (const input of variant.tables) await engine.client.send(new CreateTableCommand(input));
    const others = Array.from({ length: FLEET - 1 }, (_, index) => beatOf(index + 1));
    await forEachConcurrently(others, CONCURRENCY, (beat) => variant.connect(beat, calls));
    const counted = async (invocations: number, work: () => Promise<void>) => {
      meter.take();
      await work();
      meter.add({ invocations });
      return meter.take();
    };
    const beat = beatOf(0);
    const connect = await counted(1, () => variant.connect(beat, calls));
    const heartbeat = await counted(1, () =>
      variant.heartbeat({ ...beat, now: NOW + 30_000 }, calls),
    );
    heartbeat.messagesIn += 1;
    const { name, what, sweep } = variant;
    const swept = sweep && (await counted(1, () => sweep(NOW + 60_000, calls)));
    return { name, what, connect, heartbeat, sweep: swept ?? null };
  };
  try {
    const figures: VariantFigures[] = [];
    for (const variant of VARIANTS) figures.push(await measureOne(variant));
    return figures;
  } finally {
    client.destroy();
    await engine.stop();
  }
}

const beatOf = (index: number): Beat => ({
  organizationId: "acme",
  agentId: `production-agent-${String(index).padStart(3, "0")}`,
  connectionId: `L${index}M9cOFvHcCIhw=`,
  now: NOW,
});
