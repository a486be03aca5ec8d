/** The fleet whose price is asked for. */

import { HEARTBEAT } from "@agent-heartbeat/sdk/protocol";
import type { Alarms } from "./units";

/** Those whose prices are known. */
export const REGIONS = ["us-east-1", "eu-west-1"] as const;
export type Region = (typeof REGIONS)[number];

/** How agents send their heartbeats: with a WebSocket, without one, or over HTTP beside one. */
export const TRANSPORTS = ["websocket", "http", "both"] as const;
export type Transport = (typeof TRANSPORTS)[number];

export interface Fleet {
  agents: number;
  transport: Transport;
  /** Between two heartbeats of an agent, in seconds. */
  intervalSeconds: number;
  /** How many intervals without a heartbeat count as death. Costs nothing. */
  timeoutMultiplier: number;
  /** Every how many heartbeats one is acknowledged. */
  ackEvery: number;
  /** Between two sweeps, in seconds. */
  sweepSeconds: number;
  /** Unplanned ones, an agent and day. */
  reconnectsPerDay: number;
  /** Messages that reach an agent, a day. */
  messagesPerDay: number;
  /** Subjects that an agent is subscribed to. */
  subscriptions: number;
  /** Provisioned write units of the status table: the construct's `statusTableCapacity`. 0 for on demand. */
  minWriteUnits: number;
  /** Whether HTTP goes through CloudFront: the construct's `httpDomain`. */
  httpDomain: boolean;
  /** The construct's `alarms`. */
  alarms: Alarms;
  /** The construct's `cloudWatchDashboard`. */
  cloudWatchDashboard: boolean;
  region: Region;
}

export const DEFAULT_FLEET: Fleet = {
  agents: 1000,
  transport: "websocket",
  intervalSeconds: HEARTBEAT.defaultIntervalSeconds,
  timeoutMultiplier: HEARTBEAT.defaultTimeoutMultiplier,
  ackEvery: 1,
  sweepSeconds: 300,
  reconnectsPerDay: 1,
  messagesPerDay: 0,
  subscriptions: 0,
  minWriteUnits: 0,
  httpDomain: false,
  alarms: "essential",
  cloudWatchDashboard: false,
  region: "us-east-1",
};

/** AWS's own month. */
export const HOURS_A_MONTH = 730;
export const MINUTES_A_MONTH = HOURS_A_MONTH * 60;
export const SECONDS_A_MONTH = MINUTES_A_MONTH * 60;
export const DAYS_A_MONTH = HOURS_A_MONTH / 24;
