/** The report section on the local runtime's throughput. */

import { type Section, spreadText, table } from "../section";
import { measureThroughput, type ThroughputFigures } from "./measure";

const SHARE = 0.7;
const TIMES = 30;

export const throughput: Section<ThroughputFigures> = {
  name: "throughput",
  title: "The local runtime",
  measure: measureThroughput,

  markdown: ({ sizes, miniStack }) =>
    [
      `Acknowledged heartbeats, with ${sizes[0]?.outstanding} waiting for their ack at any moment, over the given number of connections. The ` +
        "ceiling is a bare WebSocket server that writes the same item to the same engine, without gateway, login and " +
        "functions. In both cases server, engine and load share the machine's cores. Each round starts with empty tables.",
      table(
        ["connections", "", "a second", "p50", "p99"],
        sizes.flatMap(({ connections, local, ceiling }) =>
          [["local runtime", local] as const, ["ceiling", ceiling] as const].map(
            ([name, { perSecond, p50Ms, p99Ms }]) => [
              connections,
              name,
              spreadText(perSecond, 0),
              `${spreadText(p50Ms, 0)} ms`,
              `${spreadText(p99Ms, 0)} ms`,
            ],
          ),
        ),
      ),
      table(
        ["connections", "local runtime to ceiling"],
        sizes.map(({ connections, ratio }) => [connections, spreadText(ratio)]),
      ),
      `The same stack, deployed by the CDK command line to ${miniStack.name}, acknowledges ` +
        `${miniStack.perSecond.toFixed(1)} heartbeats a second, with ${miniStack.outstanding} waiting over ` +
        `${miniStack.connections} connections: p50 ${miniStack.p50Ms.toFixed(0)} ms, p99 ${miniStack.p99Ms.toFixed(0)} ms. It ` +
        "starts a process for every concurrent function: more connections would only slow it down.",
    ].join("\n\n"),

  goals: ({ sizes, miniStack }) => [
    ...sizes.map(({ connections, ratio }) => ({
      goal: `${connections} connections: at least ${SHARE} of the ceiling`,
      found: ratio.median.toFixed(2),
      met: ratio.median >= SHARE,
    })),
    ...sizes.slice(0, 1).map(({ connections, local }) => {
      const times = local.perSecond.median / miniStack.perSecond;
      return {
        goal: `${connections} connections: at least ${TIMES} times MiniStack`,
        found: `${times.toFixed(0)} times`,
        met: times >= TIMES,
      };
    }),
  ],
};
