/** The output of a simulation: a line while it runs, and a report at its end. */

import { duration } from "../terminal/durations";
import type { Printer } from "../terminal/printer";
import { fields } from "../terminal/table";
import type { Measurements, Percentiles } from "./measurements";

export interface SimulationReport {
  agents: number;
  /** Agents that connected at least once. */
  connectedOnce: number;
  durationMs: number;
  connects: number;
  connectsPerSecondPeak: number;
  reconnects: number;
  acks: number;
  roundTripMs: Percentiles;
  failures: Record<string, number>;
  /** What the most frequent of them said. */
  commonFailure: string | null;
  faults: Record<string, number>;
  readings: number;
  falseOfflines: number;
  falseOnlines: number;
  /** Agents that could not be removed at the end. */
  notRemoved: string[];
}

/** One line on how it stands. */
export function progressLine(
  { connected, agents }: { connected: number; agents: number },
  measurements: Measurements,
  { elapsedMs, now }: { elapsedMs: number; now: number },
): string {
  const { p50, p99 } = measurements.roundTrips.percentiles();
  return [
    duration(elapsedMs),
    `${connected} of ${agents} connected`,
    `${measurements.connects.now(now)} connects/s`,
    `${measurements.acks.total} acks (${measurements.acks.now(now)}/s)`,
    `round trip ${ms(p50)}, p99 ${ms(p99)}`,
    `${measurements.falseOfflines} false offlines`,
  ].join("  ");
}

export function reportOf(
  run: Pick<SimulationReport, "agents" | "connectedOnce" | "durationMs" | "notRemoved">,
  measurements: Measurements,
): SimulationReport {
  return {
    ...run,
    connects: measurements.connects.total,
    connectsPerSecondPeak: measurements.connects.peak,
    reconnects: measurements.reconnects,
    acks: measurements.acks.total,
    roundTripMs: measurements.roundTrips.percentiles(),
    failures: Object.fromEntries(measurements.failures),
    commonFailure: measurements.commonFailure,
    faults: Object.fromEntries(measurements.faults),
    readings: measurements.readings,
    falseOfflines: measurements.falseOfflines,
    falseOnlines: measurements.falseOnlines,
  };
}

export function printReport(report: SimulationReport, printer: Printer): void {
  if (printer.json) {
    printer.value(report);
    return;
  }
  const { green, red } = printer.colours;
  const wrong = (count: number) => (count === 0 ? green("0") : red(String(count)));
  const { p50, p95, p99, max } = report.roundTripMs;
  printer.lines(
    ...fields(
      [
        ["agents", `${report.connectedOnce} of ${report.agents} connected`],
        ["duration", duration(report.durationMs)],
        ["connects", `${report.connects}, at most ${report.connectsPerSecondPeak} in a second`],
        ["reconnects", String(report.reconnects)],
        ["acks", String(report.acks)],
        ["round trip", `p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}, max ${ms(max)}`],
        ["faults made", counts(report.faults)],
        ["failures seen", counts(report.failures)],
        ["false offlines", `${wrong(report.falseOfflines)} in ${report.readings} readings`],
        ["false onlines", wrong(report.falseOnlines)],
      ],
      printer.colours,
    ),
  );
}

function counts(record: Record<string, number>): string {
  const parts = Object.entries(record).map(([kind, count]) => `${kind} ${count}`);
  return parts.join(", ") || "none";
}

function ms(value: number | null): string {
  return value === null ? "-" : `${value} ms`;
}
