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
  const direct = fleet.heartbeatIntegration === "direct";
  return {
    connect: reconnects,
    // A new connection begins with a heartbeat, which a rotation counts itself.
    [direct ? "direct heartbeat" : "heartbeat"]: acknowledged + reconnects,
    [direct ? "direct heartbeat without ack" : "heartbeat without ack"]: heartbeats - acknowledged,
    disconnect: reconnects,
    [direct ? "direct rotation" : "rotation"]: rotations,
    subscribe: (rotations + reconnects) * subscriptions,
    "publish to 1": agents * fleet.messagesPerDay * DAYS_A_MONTH,
    // Who reconnects goes offline and comes back; a rotation is not seen.
    transition: 2 * reconnects,
  };
}

/** A month's bill. @param handlerMs billed time of a function that answers a message */
export function agentHeartbeatBill(fleet: Fleet, handlerMs: number = ASSUMED.handlerMs): Bill {
  const total = totalUnits(operationsOf(fleet));
  const sweeps = SECONDS_A_MONTH / fleet.sweepSeconds;
  const plan = planningOf(fleet);
  const sweepSeconds = (ASSUMED.sweepMs + ASSUMED.sweepMsPerAgent * fleet.agents) / 1000;
  const sweepReads = SWEEP.readUnits + SWEEP.readUnitsPerAgent * fleet.agents;
  const storedGb = (fleet.agents * ASSUMED.storedBytesPerAgent) / BYTES_A_GB;
  return billOf(
    [
      ["API Gateway", "messages", "webSocketMessage", total.messagesIn + total.messagesOut],
      ["API Gateway", "connection minutes", "connectionMinute", fleet.agents * MINUTES_A_MONTH],
      ["Lambda", "invocations", "lambdaRequest", total.invocations + sweeps + plan.invocations],
      [
        "Lambda",
        "GB-seconds",
        "lambdaGbSecond",
        total.invocations * MEMORY_GB.handler * (handlerMs / 1000) +
          sweeps * MEMORY_GB.sweep * sweepSeconds +
          plan.invocations * MEMORY_GB.planner * (handlerMs / 1000),
      ],
      ["DynamoDB", "write units", "writeUnit", total.writeUnits + sweeps * SWEEP.writeUnits],
      ["DynamoDB", "read units", "readUnit", total.readUnits + sweeps * sweepReads],
      ["DynamoDB", "GB stored", "tableGbMonth", storedGb],
      ["DynamoDB", "GB of point-in-time recovery", "backupGbMonth", storedGb],
      ["EventBridge", "events", "busEvent", total.busEvents],
      ["SQS", "requests", "queueRequest", plan.queueRequests],
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

/** What starts sweeps that are closer together than a minute: a function that sends delayed messages. */
function planningOf({ sweepSeconds }: Fleet): { invocations: number; queueRequests: number } {
  if (sweepSeconds >= 60) return { invocations: 0, queueRequests: 0 };
  const sweepsAMinute = 60 / sweepSeconds;
  // One to send, and for each message one to take and one to delete it, beside those that find nothing.
  const requestsAMinute = 1 + 2 * sweepsAMinute + ASSUMED.queuePollsPerMinute;
  return {
    invocations: MINUTES_A_MONTH,
    queueRequests: MINUTES_A_MONTH * requestsAMinute,
  };
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
