/** A fleet's price with Agent Heartbeat beside its price on AWS IoT Core, and what to make of it. */

import { agentHeartbeatBill } from "./agent-heartbeat";
import type { Bill } from "./bill";
import type { Fleet } from "./fleet";
import { iotCoreBill, iotCoreDetectionSeconds } from "./iot-core";
import { PRICES_DATE } from "./prices";

export interface Estimate {
  fleet: Fleet;
  /** When the prices were looked up. */
  pricesOf: string;
  agentHeartbeat: Bill & { detectionSeconds: number };
  iotCore: Bill & { detectionSeconds: number };
  /** Which one costs less. */
  cheaper: "agentHeartbeat" | "iotCore";
}

/** @param handlerMs billed time of a function that handles a message */
export function estimate(fleet: Fleet, handlerMs?: number): Estimate {
  const own = agentHeartbeatBill(fleet, handlerMs);
  const other = iotCoreBill(fleet, handlerMs);
  return {
    fleet,
    pricesOf: PRICES_DATE,
    agentHeartbeat: {
      ...own,
      detectionSeconds: fleet.intervalSeconds * fleet.timeoutMultiplier,
    },
    iotCore: { ...other, detectionSeconds: iotCoreDetectionSeconds(fleet) },
    cheaper: own.usd <= other.usd ? "agentHeartbeat" : "iotCore",
  };
}

/** Plain sentences on which to choose. */
export function advice({ fleet, agentHeartbeat, iotCore, cheaper }: Estimate): string[] {
  if (cheaper === "agentHeartbeat") {
    return ["Agent Heartbeat costs less here, because its connections carry more than heartbeats."];
  }
  if (fleet.agents === 0) {
    return [
      "Without agents, you pay for the deployment's alarms, its metric of online agents, and its sweeps.",
    ];
  }
  const times = agentHeartbeat.usd / iotCore.usd;
  const more = times >= 10 ? Math.round(times) : Math.round(times * 10) / 10;
  return [
    `AWS IoT Core costs less, ${more} times: its keep-alives are free. It is the better choice if your agents can use MQTT and you only want to know whether they are connected.`,
    "Agent Heartbeat is worth the difference if you want to know what agents do and whether their work stalls, send requests to agents and groups, isolate organizations without policies of your own, and run all of it on a laptop.",
    "`--recommend` prints the cheapest settings for this fleet.",
  ];
}
