/** What a fleet costs with Agent Heartbeat. */

import { type Bill, billOf } from "./bill";
import { DAYS_A_MONTH, type Fleet, MINUTES_A_MONTH, SECONDS_A_MONTH } from "./fleet";
import { pricesIn } from "./prices";
import {
  ALARM_METRICS,
  ASSUMED,
  CUSTOM_METRICS,
  DASHBOARDS,
  MEMORY_GB,
  type Operation,
  SWEEP,
  UNITS,
  type Units,
} from "./units";

const BYTES_A_GB = 1e9;

/** How often each operation happens in a month. */
function operationsOf(fleet: Fleet): Partial<Record<Operation, number>> {
  const { agents, intervalSeconds, ackEvery, subscriptions } = fleet;
  const heartbeats = (agents * SECONDS_A_MONTH) / intervalSeconds;
  const acknowledged = heartbeats / ackEvery;
  const rotations = (agents * SECONDS_A_MONTH) / ASSUMED.rotationSeconds;
  const reconnects = agents * fleet.reconnectsPerDay * DAYS_A_MONTH;
  return {
    connect: reconnects,
    // A new connection begins with a heartbeat, which a rotation counts itself.
    heartbeat: acknowledged + reconnects,
    "heartbeat without ack": heartbeats - acknowledged,
    disconnect: reconnects,
    rotation: rotations,
    subscribe: (rotations + reconnects) * subscriptions,
    "publish to 1": agents * fleet.messagesPerDay * DAYS_A_MONTH,
    // Who reconnects goes offline and comes back; a rotation is not seen.
    transition: 2 * reconnects,
  };
}

/** A month's bill. @param handlerMs billed time of a function that handles a message */
export function agentHeartbeatBill(fleet: Fleet, handlerMs: number = ASSUMED.handlerMs): Bill {
  const total = totalUnits(operationsOf(fleet));
  const sweeping = sweepingOf(fleet);
  const sweeps = sweeping.passes;
  const sweepReads = SWEEP.readUnits + SWEEP.readUnitsPerAgent * fleet.agents;
  const sweepWrites =
    sweeps * SWEEP.writeUnits +
    Math.min(sweeps, SECONDS_A_MONTH / SWEEP.trendSeconds) * SWEEP.trendWriteUnits;
  const storedGb = (fleet.agents * ASSUMED.storedBytesPerAgent) / BYTES_A_GB;
  return billOf(
    [
      ["API Gateway", "messages", "webSocketMessage", total.messagesIn + total.messagesOut],
      ["API Gateway", "connection minutes", "connectionMinute", fleet.agents * MINUTES_A_MONTH],
      ["Lambda", "invocations", "lambdaRequest", total.invocations + sweeping.invocations],
      [
        "Lambda",
        "GB-seconds",
        "lambdaGbSecond",
        total.invocations * MEMORY_GB.handler * (handlerMs / 1000) +
          MEMORY_GB.sweep * sweeping.seconds,
      ],
      ["DynamoDB", "write units", "writeUnit", total.writeUnits + sweepWrites],
      ["DynamoDB", "read units", "readUnit", total.readUnits + sweeps * sweepReads],
      ["DynamoDB", "GB stored", "tableGbMonth", storedGb],
      ["DynamoDB", "GB of point-in-time recovery", "backupGbMonth", storedGb],
      ["EventBridge", "events", "busEvent", total.busEvents],
      [
        "CloudWatch",
        "GB of logs",
        "logGb",
        (total.logBytes + sweeps * SWEEP.logBytes) / BYTES_A_GB,
      ],
      ["CloudWatch", "metrics", "metricMonth", CUSTOM_METRICS],
      ["CloudWatch", "metrics of alarms", "alarmMetricMonth", ALARM_METRICS],
      ["CloudWatch", "dashboards", "dashboardMonth", DASHBOARDS],
      [
        "Data transfer",
        "GB out",
        "transferOutGb",
        (total.messagesOut * ASSUMED.messageOutBytes) / BYTES_A_GB,
      ],
    ],
    pricesIn(fleet.region),
  );
}

/**
 * How often the sweep's function is started in a month, and for how many seconds it is billed. Sweeps closer
 * together than a minute are one invocation a minute, which is billed while it waits.
 */
function sweepingOf({ sweepSeconds, agents }: Fleet) {
  const passes = SECONDS_A_MONTH / sweepSeconds;
  const passSeconds = (ASSUMED.sweepMs + ASSUMED.sweepMsPerAgent * agents) / 1000;
  if (sweepSeconds >= 60) return { passes, invocations: passes, seconds: passes * passSeconds };
  const perInvocation = 60 - sweepSeconds + passSeconds;
  return { passes, invocations: MINUTES_A_MONTH, seconds: MINUTES_A_MONTH * perInvocation };
}

function totalUnits(operations: Partial<Record<Operation, number>>): Units {
  const total: Units = {
    messagesIn: 0,
    messagesOut: 0,
    invocations: 0,
    writeUnits: 0,
    readUnits: 0,
    busEvents: 0,
    logBytes: 0,
  };
  for (const [operation, times] of Object.entries(operations)) {
    const units = UNITS[operation as Operation];
    for (const name of Object.keys(total) as (keyof Units)[]) total[name] += times * units[name];
  }
  return total;
}
