/** The report section on the sweep and lists at scale. */

import { SWEEP } from "../../../cli/src/cost/units";
import { type Goal, type Section, table } from "../section";
import { type ListEffort, measureScale, type ScaleFigures, type SweepEffort } from "./measure";

/** The scan holds one page per segment and a bounded number of expired rows. Upper limit in MB. */
const FLAT_MB = 160;

/** The maximum factor by which an agent may be more expensive in a table ten times as large. */
const LINEAR = 1.5;

export const sweepAtScale: Section<ScaleFigures> = {
  name: "sweep",
  title: "Sweep and lists at scale",
  measure: measureScale,

  markdown: ({ sweeps, lists }) =>
    [
      "One sweep of a table with the given number of agents, all of one organization, in a separate process and with the embedded engine. " +
        "*Memory* is the peak growth of resident memory. Times depend on this machine and on the embedded engine, whose scans slow down " +
        "with the table; *CPU* is the function's own; units are the engine's count. A silent agent costs one write, one look-up of " +
        "its connection, and closing it.",
      table(
        ["agents", "expired", "time", "CPU", "CPU an agent", "memory", "read units", "write units"],
        sweeps.map(({ agents, expired, effort }) => [
          count(agents),
          expired,
          seconds(effort.wallMs),
          seconds(effort.cpuMs),
          `${((effort.cpuMs / agents) * 1000).toFixed(0)} µs`,
          megabytes(effort.grownBytes),
          count(effort.units.readUnits),
          count(effort.units.writeUnits),
        ]),
      ),
      "One list of the whole fleet, page by page, as a fleet watcher requests it: 100 agents a page, or 25 with their profiles, " +
        "which always fit into a message.",
      table(
        ["agents", "profiles", "pages", "time", "time a page", "memory", "read units", "MB sent"],
        lists.map(({ agents, profiles, effort }) => [
          count(agents),
          profiles ? "with" : "without",
          count(Number(effort.report.pages)),
          seconds(effort.wallMs),
          `${(effort.wallMs / Number(effort.report.pages)).toFixed(1)} ms`,
          megabytes(effort.grownBytes),
          count(effort.units.readUnits),
          (Number(effort.report.bytes) / 2 ** 20).toFixed(1),
        ]),
      ),
    ].join("\n\n"),

  goals: ({ sweeps, lists }) => [
    {
      goal: `the sweep's memory is flat: below ${FLAT_MB} MB at every size`,
      ...atMost(
        FLAT_MB,
        Math.max(...sweeps.map(({ effort }) => effort.grownBytes / 2 ** 20)),
        "MB",
      ),
    },
    ...linear(
      "CPU time of a sweep per agent, in a table ten times as large",
      growth(sweeps, ({ expired }) => expired),
    ),
    ...linear(
      "CPU time of a list per agent, in a table ten times as large",
      growth(lists, ({ profiles }) => String(profiles)),
    ),
    {
      goal: `an agent costs ${SWEEP.readUnitsPerAgent.toFixed(4)} read units per sweep at every size, as the cost estimate assumes`,
      ...atMost(
        SWEEP.readUnitsPerAgent * 1.1,
        Math.max(
          ...sweeps.map(
            ({ agents, effort }) => (effort.units.readUnits - SWEEP.readUnits) / agents,
          ),
        ),
        "read units",
      ),
      why:
        "at most 50,000 agents that are due at once are kept in memory. For the others the table is read a second time, " +
        "which a sweep after an outage may need",
    },
  ],

  changes: (figures, reported) =>
    figures.sweeps.flatMap(({ agents, expired, effort }) => {
      const before = reported.sweeps.find(
        (one) => one.agents === agents && one.expired === expired,
      );
      const { readUnits, writeUnits } = before?.effort.units ?? effort.units;
      if (readUnits === effort.units.readUnits && writeUnits === effort.units.writeUnits) return [];
      return [
        `sweep of ${agents}, ${expired} expired: ${readUnits} read and ${writeUnits} write units in the report, ` +
          `now ${effort.units.readUnits} and ${effort.units.writeUnits}`,
      ];
    }),
};

function atMost(most: number, found: number, unit: string): { found: string; met: boolean } {
  return { found: `${found.toFixed(found < 1 ? 3 : 1)} ${unit}`, met: found <= most };
}

/** Returns no goal if there is only one size. */
function linear(goal: string, growth: number | undefined): Goal[] {
  if (growth === undefined) return [];
  return [{ goal: `${goal}: at most ${LINEAR} times`, ...atMost(LINEAR, growth, "times") }];
}

/**
 * The largest ratio of CPU time per agent to that in the next smaller table. Undefined if there is
 * only one table.
 */
function growth<T extends SweepEffort | ListEffort>(
  efforts: T[],
  kindOf: (one: T) => string,
): number | undefined {
  const ratios = efforts.flatMap((one) => {
    const smaller = efforts
      .filter((other) => kindOf(other) === kindOf(one) && other.agents < one.agents)
      .at(-1);
    if (!smaller) return [];
    return one.effort.cpuMs / one.agents / (smaller.effort.cpuMs / smaller.agents);
  });
  return ratios.length === 0 ? undefined : Math.max(...ratios);
}

const count = (value: number) => Math.round(value).toLocaleString("en-US");
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;
