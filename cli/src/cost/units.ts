/**
 * What each operation makes AWS bill. `measured.json` is what the benchmark counted, and a test holds it equal to
 * `tools/bench/billing-units/report.json`; what the benchmark can't measure is assumed, and named so.
 */

import measured from "./measured.json";

/** What AWS bills for one operation. */
export interface Units {
  messagesIn: number;
  messagesOut: number;
  invocations: number;
  writeUnits: number;
  readUnits: number;
  /** Those of the status table, which are among the others. */
  statusWriteUnits: number;
  statusReadUnits: number;
  busEvents: number;
  logBytes: number;
}

/** The benchmark's operations that a month is made of. A rotation has its first heartbeat in it. */
export type Operation =
  | "connect"
  | "heartbeat"
  | "heartbeat without ack"
  | "heartbeat over HTTP"
  | "disconnect"
  | "rotation"
  | "subscribe"
  | "publish to 1"
  | "transition";

export const UNITS: Readonly<Record<Operation, Units>> = measured;

const SWEPT = 100;
const SWEPT_MORE = 1000;
const small: Units = measured["sweep of 100, none expired"];
const large: Units = measured["sweep of 1000, none expired"];
const perAgent = (unit: keyof Units) => (large[unit] - small[unit]) / (SWEPT_MORE - SWEPT);
const atLeast = (unit: keyof Units) => small[unit] - SWEPT * perAgent(unit);

/** The counts of one organization and the sweep's mark are stored once in four minutes. The benchmark's sweeps all do. */
const TREND_WRITE_UNITS = 2;

/** One run of the sweep that finds nothing: a scan of the table, and the count of the fleet. */
export const SWEEP = {
  readUnits: atLeast("readUnits"),
  readUnitsPerAgent: perAgent("readUnits"),
  statusReadUnits: atLeast("statusReadUnits"),
  statusReadUnitsPerAgent: perAgent("statusReadUnits"),
  writeUnits: small.writeUnits - TREND_WRITE_UNITS,
  trendWriteUnits: TREND_WRITE_UNITS,
  trendSeconds: 240,
  logBytes: large.logBytes,
} as const;

/** Memory of the functions, in GB, as the stack sets it. */
export const MEMORY_GB = { handler: 0.25, sweep: 0.5 } as const;

/** The service's own metrics. Each is billed for the hours in which it is published: only the size of the fleet always is. */
export const METRICS = { always: 1, all: 29 } as const;

export type Alarms = "essential" | "all" | "none";

/** Metrics of the alarms, by the construct's `alarms`: each is billed, also where one alarm sums up many. */
export const ALARM_METRICS: Readonly<Record<Alarms, number>> = { essential: 16, all: 41, none: 0 };

/** The status table with provisioned capacity, as the construct sets it. */
export const PROVISIONED = {
  targetUtilization: 0.7,
  /** Read units for each write unit, and at least. */
  readShare: 0.05,
  minReadUnits: 5,
  maxUnits: 40_000,
  /** Which Application Auto Scaling creates for a table: four for its reads, four for its writes. */
  alarms: 8,
  /** For so long DynamoDB keeps what was provisioned and not used, for a burst. */
  burstSeconds: 300,
} as const;

/** Assumed until it is measured on AWS. */
export const ASSUMED = {
  /** Billed time of a function that answers a message, in milliseconds, its rare cold starts included. */
  handlerMs: 10,
  sweepMs: 500,
  sweepMsPerAgent: 0.02,
  /** What leaves AWS with each message, in bytes, TLS and TCP included. */
  messageOutBytes: 250,
  /** What the tables keep of an agent, in bytes: its row, its registration and its history. */
  storedBytesPerAgent: 15_000,
  /** How long a connection lasts before the SDK replaces it, in seconds, on average. */
  rotationSeconds: 6000,
  /** Further metrics of an hour in which an agent reconnects: transitions by reason, leases that end, late heartbeats. */
  metricsOfReconnects: 7,
} as const;
