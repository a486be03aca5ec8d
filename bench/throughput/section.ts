/** How fast the local runtime is, as a section of the report. */

import { type Section, table, told } from "../section";
import { measureThroughput, type ThroughputFigures } from "./measure";

const SHARE = 0.7;

export const throughput: Section<ThroughputFigures[]> = {
  name: "throughput",
  title: "The local runtime",
  measure: measureThroughput,

  markdown: (figures) =>
    [
      `Heartbeats acknowledged, ${figures[0]?.outstanding} waiting for their ack at any moment, over so many connections. The ` +
        "ceiling is a bare WebSocket server that writes the same item to the same engine, with no gateway, no login and " +
        "no function between. Server, engine and load share the machine's cores in both. Each round begins with empty tables.",
      table(
        ["connections", "", "a second", "p50", "p99"],
        figures.flatMap(({ connections, local, ceiling }) =>
          [["local runtime", local] as const, ["ceiling", ceiling] as const].map(
            ([name, { perSecond, p50Ms, p99Ms }]) => [
              connections,
              name,
              told(perSecond, 0),
              `${told(p50Ms, 0)} ms`,
              `${told(p99Ms, 0)} ms`,
            ],
          ),
        ),
      ),
      table(
        ["connections", "local runtime to ceiling"],
        figures.map(({ connections, ratio }) => [connections, told(ratio)]),
      ),
    ].join("\n\n"),

  goals: (figures) =>
    figures.map(({ connections, ratio }) => ({
      goal: `${connections} connections: at least ${SHARE} of the ceiling`,
      found: ratio.median.toFixed(2),
      met: ratio.median >= SHARE,
    })),
};
