/**
 * What each operation makes AWS bill. The counts are the benchmark's, `tools/bench/billing-units/report.json`,
 * and a test holds them equal to it; what the benchmark can't measure is assumed, and named so.
 */

/** What AWS bills for one operation. */
export interface Units {
  messagesIn: number;
  messagesOut: number;
  invocations: number;
  writeUnits: number;
  readUnits: number;
  busEvents: number;
  logBytes: number;
}

/** The benchmark's operations that a month is made of. */
export type Operation =
  | "connect"
  | "heartbeat"
  | "heartbeat without ack"
  | "disconnect"
  | "rotation"
  | "subscribe"
  | "publish to 1"
  | "transition";

const units = (
  messagesIn: number,
  messagesOut: number,
  invocations: number,
  writeUnits: number,
  readUnits: number,
  busEvents = 0,
  logBytes = 0,
): Units => {
  return { messagesIn, messagesOut, invocations, writeUnits, readUnits, busEvents, logBytes };
};

export const UNITS: Readonly<Record<Operation, Units>> = {
  connect: units(0, 0, 2, 2, 1.5),
  heartbeat: units(1, 1, 1, 1, 0),
  "heartbeat without ack": units(1, 0, 1, 1, 0),
  disconnect: units(0, 0, 1, 1, 0.5),
  /** A new connection, its first heartbeat, and the end of the old one. */
  rotation: units(1, 1, 4, 4, 2),
  subscribe: units(1, 1, 1, 4, 1.5),
  "publish to 1": units(1, 2, 1, 1, 3.5),
  transition: units(0, 0, 1, 2, 2, 1, 124),
};

/** One run of the sweep that finds nothing: a scan of the table, and the count of the fleet. */
export const SWEEP = {
  readUnits: 4,
  readUnitsPerAgent: 0.035,
  writeUnits: 1,
  /** The counts of one organization and the sweep's mark, stored once in four minutes. */
  trendWriteUnits: 2,
  trendSeconds: 240,
  logBytes: 632,
} as const;

/** Memory of the functions, in GB, as the stack sets it. */
export const MEMORY_GB = { handler: 0.25, sweep: 0.5 } as const;

/** Metrics of the service's own: transitions are one for each of the ten reasons. */
export const CUSTOM_METRICS = 26;

/** What the alarms look at, as the stack sets them by default: each is billed, also where one alarm sums up many. */
export const ALARM_METRICS = 44;

/** In CloudWatch. */
export const DASHBOARDS = 1;

/** Not measured on AWS: what we reckon with until it is. */
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
} as const;
