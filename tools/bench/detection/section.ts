/** The report section on how soon a death is detected. */

import { type Distribution, type Section, table } from "../section";
import { type DetectionFigures, measureDetection } from "./measure";

/**
 * The sweep waits this long after a lease ends, since a heartbeat may be in flight. The reader
 * polls four times a second.
 */
const GRACE_SECONDS = 2;
const POLL_SECONDS = 1;

const distributionText = ({ p50, p99, max }: Distribution) =>
  [p50, p99, max].map((seconds) => `${seconds.toFixed(1)} s`).join(" / ");

const leaseOf = ({ setting }: DetectionFigures) => setting.intervalSeconds * 3;

export const detection: Section<DetectionFigures[]> = {
  name: "detection",
  title: "Detection",
  measure: measureDetection,

  markdown: (figures) =>
    [
      "Time from an agent's death until a reader sees it as offline, and until `Agent Offline` is on the bus, on the local runtime in " +
        "real time: p50 / p99 / max. *Killed*: the socket closes with the process. *Silent*: the process hangs, the " +
        "connection stays open. *Cut off*: the network drops everything. Deaths are spread over the interval and the " +
        "sweep. Readers don't depend on the sweep: their bound is the lease. Self-preservation is off, since the whole fleet dies.",
      table(
        [
          "setting",
          "interval, lease, sweep",
          "death",
          "agents",
          "seen offline",
          "event on the bus",
        ],
        figures.map((one) => [
          one.setting.name,
          `${one.setting.intervalSeconds} s, ${leaseOf(one)} s, ${one.setting.sweepSeconds} s`,
          one.death,
          one.setting.agents,
          distributionText(one.derivedSeconds),
          distributionText(one.eventSeconds),
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
          worst <= 0
            ? "always"
            : `at most ${worst.toFixed(1)} s later, due to the reader's poll interval`,
        met: worst <= POLL_SECONDS,
      };
    };
    return [
      atMost("a dead agent is read as offline when its lease ends", late),
      atMost(
        "its event is on the bus within one sweep interval plus the sweep's grace period",
        slow,
      ),
    ];
  },
};
