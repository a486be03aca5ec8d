/** How soon a death is seen, as a section of the report. */

import { type Distribution, type Section, table } from "../section";
import { type DetectionFigures, measureDetection } from "./measure";

/** The sweep leaves a lease this long after its end, for a heartbeat may be on its way; and a reader looks four times a second. */
const GRACE_SECONDS = 2;
const LOOK_SECONDS = 1;

const shown = ({ p50, p99, max }: Distribution) =>
  [p50, p99, max].map((seconds) => `${seconds.toFixed(1)} s`).join(" / ");

const leaseOf = ({ setting }: DetectionFigures) => setting.intervalSeconds * 3;

export const detection: Section<DetectionFigures[]> = {
  name: "detection",
  title: "Detection",
  measure: measureDetection,

  markdown: (figures) =>
    [
      "From an agent's death until a reader sees it offline, and until `Agent Offline` is on the bus, on the local runtime in " +
        "real time: p50 / p99 / max. *Killed*: its socket ends with it. *Silent*: the process stands still, the " +
        "connection stays. *Cut off*: the network passes nothing on any more. Deaths are spread over the interval and the " +
        "sweep. A reader needs no sweep: its bound is the lease. The brake on mass expiries is off, for the whole fleet dies.",
      table(
        ["setting", "interval, lease, sweep", "death", "agents", "seen offline", "told on the bus"],
        figures.map((one) => [
          one.setting.name,
          `${one.setting.intervalSeconds} s, ${leaseOf(one)} s, ${one.setting.sweepSeconds} s`,
          one.death,
          one.setting.agents,
          shown(one.derivedSeconds),
          shown(one.eventSeconds),
        ]),
      ),
    ].join("\n\n"),

  goals: (figures) => {
    const late = figures.map((one) => one.derivedSeconds.max - leaseOf(one));
    const slow = figures.map(
      (one) => one.eventSeconds.max - leaseOf(one) - one.setting.sweepSeconds - GRACE_SECONDS,
    );
    const atMost = (goal: string, overs: readonly number[]) => {
      const worst = Math.max(...overs);
      return {
        goal,
        found:
          worst <= 0 ? "always" : `at most ${worst.toFixed(1)} s later, by the reader's own pace`,
        met: worst <= LOOK_SECONDS,
      };
    };
    return [
      atMost("a dead agent reads offline when its lease ends", late),
      atMost("it is told on the bus within a sweep of that, and the sweep's grace", slow),
    ];
  },
};
