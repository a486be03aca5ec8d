/**
 * Measures in real time how soon readers see a dead agent as offline, and when its event is on the
 * bus.
 */

import { StatusReader } from "@agent-heartbeat/sdk/status";
import { EVENT_DETAIL_TYPES } from "../../../core/events";
import { startLocalService } from "../../../local/app/service";
import { clientOf } from "../../../testing/engine";
import { seededRandom } from "../../../testing/random";
import { withAssembly } from "../assembly";
import { type Distribution, distributionOf, type MeasureOptions } from "../section";
import { DEATHS, type Death, Fleet, type TestAgent } from "./fleet";

const APP = "node --conditions=agent-heartbeat-source --import tsx tools/bench/detection/app.ts";

interface Setting {
  name: string;
  intervalSeconds: number;
  sweepSeconds: number;
  /** Number per kind of death. */
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

/** A schedule rule first fires after one minute. Until then there is no sweep. */
const FIRST_MINUTE_MS = 65_000;

/** How often the reader polls. */
const POLL_MS = 250;

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
  const runtime = await startLocalService({ assemblyDirectory });
  const { dynamoDbEndpoint, statusTableName, ...outputs } = runtime.outputs;
  const client = clientOf(dynamoDbEndpoint);
  const published = new Map<string, number>();
  const seen = new Map<string, number>();
  const testAgents: TestAgent[] = [];
  try {
    const random = seededRandom(sweepSeconds + intervalSeconds);
    runtime.onEvent(({ detail, "detail-type": type }) => {
      if (type === EVENT_DETAIL_TYPES.offline)
        published.set((detail as { agentId: string }).agentId, Date.now());
    });
    const intervalMs = intervalSeconds * 1000;
    const fleet = new Fleet({
      ...{ client, intervalMs, random },
      ...{ url: outputs.webSocketUrl, registryTableName: outputs.registryTableName },
    });
    for (const death of DEATHS) {
      for (let index = 0; index < agents; index++) {
        testAgents.push(await fleet.connect(`${death.replace(" ", "-")}-${index}`, death));
      }
    }
    progress(`${setting.name}: ${testAgents.length} agents are online`);
    const statuses = new StatusReader({ client, tableName: statusTableName, correctClock: false });
    // Deaths are spread over a whole interval and a whole sweep, to cover every phase of both.
    const spreadMs = Math.max(intervalMs, sweepSeconds * 1000);
    for (const testAgent of testAgents)
      setTimeout(() => testAgent.die(), FIRST_MINUTE_MS + random() * spreadMs);
    while (published.size < testAgents.length || seen.size < testAgents.length) {
      for await (const { agentId } of statuses.allAgents({
        organizationId: "acme",
        status: "offline",
      })) {
        if (!seen.has(agentId)) seen.set(agentId, Date.now());
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    progress(`${setting.name}: all ${testAgents.length} are offline and published`);
  } finally {
    await Promise.all(testAgents.map((testAgent) => testAgent.dispose()));
    client.destroy();
    await runtime.stop();
  }
  return DEATHS.map((death) => {
    const dead = testAgents.filter((testAgent) => testAgent.death === death);
    const secondsIn = (when: Map<string, number>) =>
      distributionOf(
        dead.map(
          ({ agentId, diedAt = Number.NaN }) => ((when.get(agentId) ?? Number.NaN) - diedAt) / 1000,
        ),
      );
    return { setting, death, derivedSeconds: secondsIn(seen), eventSeconds: secondsIn(published) };
  });
}
