/**
 * What the same presence costs on AWS IoT Core: a connection with MQTT keep-alive for each agent. Fleet indexing keeps the status
 * for `GetThingConnectivityData` and searches, and a rule hands lifecycle events to a function that puts them on the event bus.
 * Queries are in neither bill.
 */

import { type Bill, billOf } from "./bill";
import { DAYS_A_MONTH, type Fleet, MINUTES_A_MONTH } from "./fleet";
import { pricesIn } from "./prices";
import { ASSUMED, MEMORY_GB } from "./units";

/** Pings are free where they are no more often. */
const LEAST_KEEP_ALIVE_SECONDS = 30;

/** MQTT counts a client as gone after so many keep-alives of silence. */
const KEEP_ALIVE_TOLERANCE = 1.5;

/** Longest keep-alive that IoT Core takes. */
const MOST_KEEP_ALIVE_SECONDS = 1200;

/** How long a dead agent may look connected, in seconds, with a keep-alive as long as the interval. */
export function iotCoreDetectionSeconds({ intervalSeconds }: Fleet): number {
  const keepAlive = Math.max(intervalSeconds, LEAST_KEEP_ALIVE_SECONDS);
  return Math.min(keepAlive, MOST_KEEP_ALIVE_SECONDS) * KEEP_ALIVE_TOLERANCE;
}

/** A month's bill. */
export function iotCoreBill(fleet: Fleet, handlerMs: number = ASSUMED.handlerMs): Bill {
  const { agents, subscriptions } = fleet;
  const reconnects = agents * fleet.reconnectsPerDay * DAYS_A_MONTH;
  const messages = agents * fleet.messagesPerDay * DAYS_A_MONTH;
  // Each reconnect ends one connection and makes another.
  const lifecycleEvents = 2 * reconnects;
  return billOf(
    [
      ["IoT Core", "connection minutes", "iotConnectionMinute", agents * MINUTES_A_MONTH],
      [
        "IoT Core",
        "messages",
        "iotMessage",
        reconnects * (1 + subscriptions) + 2 * messages + lifecycleEvents,
      ],
      ["IoT Core", "rules", "iotRule", lifecycleEvents],
      ["IoT Core", "actions", "iotAction", lifecycleEvents],
      ["IoT Core", "index updates", "iotIndexUpdate", lifecycleEvents],
      ["Lambda", "invocations", "lambdaRequest", lifecycleEvents],
      [
        "Lambda",
        "GB-seconds",
        "lambdaGbSecond",
        lifecycleEvents * MEMORY_GB.handler * (handlerMs / 1000),
      ],
      ["EventBridge", "events", "busEvent", lifecycleEvents],
    ],
    pricesIn(fleet.region),
  );
}
