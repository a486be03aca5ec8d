/** The sweep and lists at scale, as a section of the report. */

import { SWEEP } from "../../../cli/src/cost/units";
import { type Goal, type Section, table } from "../section";
import { type ListEffort, measureScale, type ScaleFigures, type SweepEffort } from "./measure";

/** The scan keeps a page of each segment, and no more rows to act on than it may: this much at most, in MB. */
const FLAT_MB = 160;

/** How much dearer an agent of a large table may be than one of a table a tenth of its size. */
const LINEAR = 1.5;

export const sweepAtScale: Section<ScaleFigures> = {
  name: "sweep",
  title: "Sweep and lists at scale",
  measure: measureScale,

  markdown: ({ sweeps, lists }) =>
    [
      "One run of the sweep over a table of so many agents, all of one organization, beside the embedded engine; each in a " +
        "process of its own. *Memory* is how much more is resident at most than before. Times are of this machine and of the " +
        "embedded engine, whose scans slow down with the table; *CPU* is the function's own; units are by the engine's count. A silent agent costs a write, a look " +
        "at its connection, and closing it.",
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
      "One list of all, page by page, as a watcher of the fleet asks for it: 100 agents a page, or 25 with their profiles, of " +
        "which so many fit into a message for certain.",
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
      ...least(FLAT_MB, Math.max(...sweeps.map(({ effort }) => effort.grownBytes / 2 ** 20)), "MB"),
    },
    ...linear(
      "an agent takes no more CPU in a table ten times as large",
      growth(sweeps, ({ expired }) => expired),
    ),
    ...linear(
      "the same of a list",
      growth(lists, ({ profiles }) => String(profiles)),
    ),
    {
      goal: `an agent costs ${SWEEP.readUnitsPerAgent} read units a sweep, as the cost is reckoned, at every size`,
      ...least(
        SWEEP.readUnitsPerAgent * 1.1,
        Math.max(
          ...sweeps.map(
            ({ agents, effort }) => (effort.units.readUnits - SWEEP.readUnits) / agents,
          ),
        ),
        "read units",
      ),
      why:
        "of more than 50,000 agents that are due at once the rest is not kept in memory: the table is read a second " +
        "time for them, as one sweep after an outage has to",
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

function least(most: number, found: number, unit: string): { found: string; met: boolean } {
  return { found: `${found.toFixed(found < 1 ? 3 : 1)} ${unit}`, met: found <= most };
}

/** No goal where there is but one size. */
function linear(goal: string, growth: number | undefined): Goal[] {
  if (growth === undefined) return [];
  return [{ goal: `${goal}: at most ${LINEAR} times`, ...least(LINEAR, growth, "times") }];
}

/** The largest ratio of an agent's CPU time to that in the next smaller table; undefined if there is none. */
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
