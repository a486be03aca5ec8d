/** What a fleet costs with Agent Heartbeat. */

import { type Bill, billOf } from "./bill";
import { capacityOf } from "./capacity";
import { type Fleet, HOURS_A_MONTH } from "./fleet";
import { pricesIn } from "./prices";
import { ALARM_METRICS, ASSUMED, MEMORY_GB, METRICS, PROVISIONED } from "./units";
import {
  connectionMinutesOf,
  httpAnswersOf,
  operationUnits,
  reconnectsOf,
  sweepUsage,
} from "./usage";

const BYTES_A_GB = 1e9;

/** A month's bill. @param handlerMs billed time of a function that handles a message */
export function agentHeartbeatBill(fleet: Fleet, handlerMs: number = ASSUMED.handlerMs): Bill {
  const total = operationUnits(fleet);
  const sweep = sweepUsage(fleet);
  const writes = total.writeUnits + sweep.writeUnits;
  const reads = total.readUnits + sweep.readUnits;
  const storedGb = (fleet.agents * ASSUMED.storedBytesPerAgent) / BYTES_A_GB;
  const capacity = fleet.minWriteUnits > 0 ? capacityOf(fleet) : undefined;
  const onDemand = capacity
    ? {
        writes: writes - total.statusWriteUnits,
        reads: reads - total.statusReadUnits - sweep.statusReadUnits,
      }
    : { writes, reads };
  const provisionedHours = (units = 0) => units * HOURS_A_MONTH;
  const alarmMetrics = ALARM_METRICS[fleet.alarms] + (capacity ? PROVISIONED.alarms : 0);
  return billOf(
    [
      ["API Gateway", "messages", "webSocketMessage", total.messagesIn + total.messagesOut],
      ["API Gateway", "connection minutes", "connectionMinute", connectionMinutesOf(fleet)],
      ["CloudFront", "requests", "cloudFrontRequest", fleet.httpDomain ? httpAnswersOf(fleet) : 0],
      ["Lambda", "invocations", "lambdaRequest", total.invocations + sweep.invocations],
      [
        "Lambda",
        "GB-seconds",
        "lambdaGbSecond",
        total.invocations * MEMORY_GB.handler * (handlerMs / 1000) +
          MEMORY_GB.sweep * sweep.seconds,
      ],
      ["DynamoDB", "write units", "writeUnit", onDemand.writes],
      ["DynamoDB", "read units", "readUnit", onDemand.reads],
      [
        "DynamoDB",
        "provisioned write units, hours",
        "writeUnitHour",
        provisionedHours(capacity?.writeUnits),
      ],
      [
        "DynamoDB",
        "provisioned read units, hours",
        "readUnitHour",
        provisionedHours(capacity?.readUnits),
      ],
      ["DynamoDB", "GB stored", "tableGbMonth", storedGb],
      ["DynamoDB", "GB of point-in-time recovery", "backupGbMonth", storedGb],
      ["EventBridge", "events", "busEvent", total.busEvents],
      ["CloudWatch", "GB of logs", "logGb", (total.logBytes + sweep.logBytes) / BYTES_A_GB],
      ["CloudWatch", "metrics", "metricMonth", metricsOf(fleet)],
      ["CloudWatch", "metrics of alarms", "alarmMetricMonth", alarmMetrics],
      ["CloudWatch", "dashboards", "dashboardMonth", fleet.cloudWatchDashboard ? 1 : 0],
      [
        "Data transfer",
        "GB out",
        "transferOutGb",
        ((total.messagesOut + httpAnswersOf(fleet)) * ASSUMED.messageOutBytes) / BYTES_A_GB,
      ],
    ],
    pricesIn(fleet.region),
  );
}

/** Metrics, in months: one that counts what seldom happens is billed for the hours in which it does. */
function metricsOf(fleet: Fleet): number {
  const hoursWithReconnects = 1 - Math.exp(-reconnectsOf(fleet) / HOURS_A_MONTH);
  return METRICS.always + ASSUMED.metricsOfReconnects * hoursWithReconnects;
}
