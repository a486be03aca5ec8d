/** The report section on the functions' bundles, cold starts and CPU time. */

import { type Goal, type Section, spreadText, table } from "../section";
import { type FunctionFigures, measureFunctions } from "./measure";

const BUNDLE_BYTES = 400_000;
const COLD = 1.2;
const WARM = 1.15;

export const lambda: Section<FunctionFigures[]> = {
  name: "lambda",
  title: "Functions",
  measure: measureFunctions,

  markdown: (figures) =>
    [
      "Each function compared with a bare one, bundled in the same way, that makes the same AWS calls from constants and " +
        "does nothing else. Both get responses recorded from the engine. *Cold*: from a fresh " +
        "process to the first response. *Warm*: one event in a warm process, including the time of AWS calls, as billed in " +
        "GB-seconds. *CPU*: user and system time of the process. All are ratios to the bare function with the same memory: " +
        "median, minimum and maximum of the runs.",
      table(
        ["function", "calls", "bundle", "bare bundle", "cold", "cold CPU", "warm", "warm CPU"],
        figures.map((one) => [
          one.name,
          one.calls.toFixed(one.calls % 1 === 0 ? 0 : 1),
          `${Math.round(one.bundleBytes / 1000)} KB`,
          `${Math.round(one.bareBundleBytes / 1000)} KB`,
          spreadText(one.cold),
          spreadText(one.coldCpu),
          spreadText(one.warm),
          spreadText(one.warmCpu),
        ]),
      ),
    ].join("\n\n"),

  goals: (figures) => {
    const largest = figures.reduce((a, b) => (b.bundleBytes > a.bundleBytes ? b : a));
    const heartbeat = figures.find(({ name }) => name === "heartbeat");
    if (!heartbeat) return [];
    return [
      {
        goal: `every bundle under ${BUNDLE_BYTES / 1000} KB`,
        found: `${largest.name}, the largest: ${Math.round(largest.bundleBytes / 1000)} KB`,
        met: largest.bundleBytes < BUNDLE_BYTES,
      },
      atMost(
        "heartbeat: cold start at most 1.2 times the bare function's",
        heartbeat.cold.median,
        COLD,
      ),
      atMost(
        "heartbeat: warm CPU at most 1.15 times the bare function's",
        heartbeat.warmCpu.median,
        WARM,
      ),
    ];
  },
};

function atMost(goal: string, ratio: number, limit: number): Goal {
  return { goal, found: `${ratio.toFixed(2)} times`, met: ratio <= limit };
}
