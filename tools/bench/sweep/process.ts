/** A process that sweeps or lists a table once, so that its memory can be measured alone. */

import { LIMITS, RATES } from "../../../core/limits";
import { OPEN_GUARD, routeEvent } from "../../../testing/presence";
import { Meter, type Units } from "../billing-units/meter";
import { composeService } from "../billing-units/service";

export interface Task {
  do: "sweep" | "list";
  engine: Parameters<typeof composeService>[0];
  /** The current time, in epoch milliseconds. */
  now: number;
  /** Agents per page of a list. */
  limit?: number;
}

export interface Effort {
  wallMs: number;
  cpuMs: number;
  /** The peak growth of resident memory. */
  grownBytes: number;
  units: Units;
  /** The sweep's report, or the number of pages of a list. */
  report: Record<string, unknown>;
}

const POLL_MS = 20;

async function main(task: Task): Promise<Effort> {
  const meter = new Meter();
  const service = composeService(task.engine, meter, () => task.now, OPEN_GUARD);
  const work = task.do === "sweep" ? sweep : list;
  const rss = () => process.memoryUsage.rss();
  const before = rss();
  let most = before;
  const polling = setInterval(() => {
    most = Math.max(most, rss());
  }, POLL_MS);
  const cpu = process.cpuUsage();
  const start = performance.now();
  const report = await work();
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  clearInterval(polling);
  service.close();
  return {
    wallMs,
    cpuMs: (user + system) / 1000,
    grownBytes: Math.max(most, rss()) - before,
    units: meter.take(),
    report,
  };

  async function sweep(): Promise<Record<string, unknown>> {
    const report = await service.sweep({}, { getRemainingTimeInMillis: () => 900_000 });
    return { ...report };
  }

  async function list(): Promise<Record<string, unknown>> {
    let cursor: string | null = null;
    let [pages, agents, bytes] = [0, 0, 0];
    do {
      const { limit = LIMITS.listPageSize } = task;
      const profiles = limit < LIMITS.listPageSize;
      // At the highest rate that a connection may request pages.
      const requestTimeEpoch = task.now + (pages * 1000) / RATES.list.perSecond;
      const { body = "" } = await service.list(
        routeEvent(
          { requestTimeEpoch },
          { type: "list", limit, profiles, ...(cursor && { cursor }) },
        ),
      );
      const page = JSON.parse(body);
      cursor = page.cursor;
      pages += 1;
      agents += page.agents.length;
      bytes += body.length;
    } while (cursor !== null);
    return { pages, agents, bytes };
  }
}

process.once("message", (task: Task) => {
  main(task).then(
    (effort) => process.send?.(effort),
    (error: unknown) => {
      console.error(error);
      // Polling may still be active.
      process.exit(1);
    },
  );
});
