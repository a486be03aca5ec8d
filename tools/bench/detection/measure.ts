/** How long after an agent's death readers see it offline, and the bus tells it, in real time. */

import { StatusReader } from "@agent-heartbeat/sdk/status";
import { DETAIL_TYPES } from "../../../core/names";
import { startLocalRuntime } from "../../../local/aws/runtime";
import { clientOf } from "../../../testing/engine";
import { seededRandom } from "../../../testing/random";
import { withAssembly } from "../assembly";
import { type Distribution, distributionOf, type MeasureOptions } from "../section";
import { DEATHS, type Death, Fleet, type Mortal } from "./fleet";

const APP = "node --conditions=agent-heartbeat-source --import tsx tools/bench/detection/app.ts";

interface Setting {
  name: string;
  intervalSeconds: number;
  sweepSeconds: number;
  /** Of each kind of death. */
  agents: number;
}

const SETTINGS: readonly Setting[] = [
  { name: "default", intervalSeconds: 30, sweepSeconds: 300, agents: 60 },
  { name: "fast sweep", intervalSeconds: 30, sweepSeconds: 10, agents: 60 },
  { name: "fast sweep, fast heartbeat", intervalSeconds: 5, sweepSeconds: 10, agents: 60 },
];

const QUICK: readonly Setting[] = [
  { name: "fast sweep, fast heartbeat", intervalSeconds: 5, sweepSeconds: 10, agents: 3 },
];

/** A rule first fires when its first minute is over; until then there is no sweep. */
const FIRST_MINUTE_MS = 65_000;

/** How often readers look. */
const LOOK_MS = 250;

export interface DetectionFigures {
  setting: Setting;
  death: Death;
  /** Seconds from the death until a reader sees it. */
  derivedSeconds: Distribution;
  /** Seconds from the death until the event is on the bus. */
  eventSeconds: Distribution;
}

export async function measureDetection({
  quick,
  progress,
}: MeasureOptions): Promise<DetectionFigures[]> {
  const figures = await Promise.all(
    (quick ? QUICK : SETTINGS).map((setting) =>
      withAssembly(`SWEEP_SECONDS=${setting.sweepSeconds} ${APP}`, (assembly) =>
        measureOne(setting, assembly, progress),
      ),
    ),
  );
  return figures.flat();
}

async function measureOne(
  setting: Setting,
  assemblyDirectory: string,
  progress: (line: string) => void,
): Promise<DetectionFigures[]> {
  const { intervalSeconds, sweepSeconds, agents } = setting;
  const runtime = await startLocalRuntime({ assemblyDirectory });
  const { dynamoDbEndpoint, statusTableName, ...outputs } = runtime.outputs;
  const client = clientOf(dynamoDbEndpoint);
  const told = new Map<string, number>();
  const seen = new Map<string, number>();
  const mortals: Mortal[] = [];
  try {
    const random = seededRandom(sweepSeconds + intervalSeconds);
    runtime.onEvent(({ detail, "detail-type": type }) => {
      if (type === DETAIL_TYPES.offline)
        told.set((detail as { agentId: string }).agentId, Date.now());
    });
    const intervalMs = intervalSeconds * 1000;
    const fleet = new Fleet({
      ...{ client, intervalMs, random },
      ...{ url: outputs.webSocketUrl, registryTableName: outputs.registryTableName },
    });
    for (const death of DEATHS) {
      for (let index = 0; index < agents; index++) {
        mortals.push(await fleet.raise(`${death.replace(" ", "-")}-${index}`, death));
      }
    }
    progress(`${setting.name}: ${mortals.length} agents are online`);
    const statuses = new StatusReader({ client, tableName: statusTableName, correctClock: false });
    // Deaths spread over a whole interval and a whole sweep, so that every phase of both is met.
    const spreadMs = Math.max(intervalMs, sweepSeconds * 1000);
    for (const mortal of mortals)
      setTimeout(() => mortal.die(), FIRST_MINUTE_MS + random() * spreadMs);
    while (told.size < mortals.length || seen.size < mortals.length) {
      for await (const { agentId } of statuses.allAgents({
        organizationId: "acme",
        status: "offline",
      })) {
        if (!seen.has(agentId)) seen.set(agentId, Date.now());
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    progress(`${setting.name}: all ${mortals.length} are told`);
  } finally {
    await Promise.all(mortals.map((mortal) => mortal.tombstone()));
    client.destroy();
    await runtime.stop();
  }
  return DEATHS.map((death) => {
    const dead = mortals.filter((mortal) => mortal.death === death);
    const secondsIn = (when: Map<string, number>) =>
      distributionOf(
        dead.map(
          ({ agentId, diedAt = Number.NaN }) => ((when.get(agentId) ?? Number.NaN) - diedAt) / 1000,
        ),
      );
    return { setting, death, derivedSeconds: secondsIn(seen), eventSeconds: secondsIn(told) };
  });
}
