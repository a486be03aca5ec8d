/** Counts the cost of a heartbeat and a sweep in common alternative designs. */

import { CreateTableCommand } from "@aws-sdk/client-dynamodb";
import pLimit from "p-limit";
import { clientOf, startEngine } from "../../../testing/engine";
import { Meter, type Units } from "../billing-units/meter";
import { ackByPost } from "./ack-by-post";
import { indexOnLastHeartbeat } from "./index-on-last-heartbeat";
import { lookupByConnection } from "./lookup-by-connection";
import { platformLogs } from "./platform-logs";
import type { HeartbeatInput, Variant } from "./variant";

const VARIANTS = [indexOnLastHeartbeat, ackByPost, lookupByConnection, platformLogs];

const NOW = 1_790_000_000_000;

/** Maximum number of concurrent connects. */
const CONCURRENCY = 50;

/** Number of leases that a sweep checks. */
const FLEET = 1000;

export interface VariantFigures {
  name: string;
  what: string;
  connect: Units;
  heartbeat: Units;
  /** A sweep of a thousand agents that finds nothing. Null if the design scans, as ours does. */
  sweep: Units | null;
}

/** The counts are exact, so each is taken once. */
export async function measureVariants(): Promise<VariantFigures[]> {
  const engine = await startEngine();
  const meter = new Meter();
  const client = meter.watch(clientOf(engine.endpoint));
  const calls = { client, meter };
  const measureOne = async (variant: Variant): Promise<VariantFigures> => {
    for (const input of variant.tables) await engine.client.send(new CreateTableCommand(input));
    const others = Array.from({ length: FLEET - 1 }, (_, index) => inputOf(index + 1));
    await pLimit(CONCURRENCY).map(others, (input) => variant.connect(input, calls));
    const counted = async (invocations: number, work: () => Promise<void>) => {
      meter.take();
      await work();
      meter.add({ invocations });
      return meter.take();
    };
    const input = inputOf(0);
    const connect = await counted(1, () => variant.connect(input, calls));
    const heartbeat = await counted(1, () =>
      variant.heartbeat({ ...input, now: NOW + 30_000 }, calls),
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

const inputOf = (index: number): HeartbeatInput => ({
  organizationId: "acme",
  agentId: `production-agent-${String(index).padStart(3, "0")}`,
  connectionId: `L${index}M9cOFvHcCIhw=`,
  now: NOW,
});
