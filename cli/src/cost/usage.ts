/** What a fleet uses in a month. */

import { QUIET_WEBSOCKET_SECONDS } from "@agent-heartbeat/sdk/protocol";
import { DAYS_A_MONTH, type Fleet, MINUTES_A_MONTH, SECONDS_A_MONTH } from "./fleet";
import { ASSUMED, type Operation, SWEEP, UNITS, type Units } from "./units";

/** How often each operation happens in a month. */
function operationsOf(fleet: Fleet): Partial<Record<Operation, number>> {
  const { agents, ackEvery, subscriptions, transport } = fleet;
  if (transport === "http") return { "heartbeat over HTTP": heartbeatsOf(fleet) };
  // Beside HTTP, the connection is kept from idling, with an ack.
  const [heartbeats, acknowledged, overHttp] =
    transport === "both"
      ? [keepAlivesOf(fleet), keepAlivesOf(fleet), httpAnswersOf(fleet)]
      : [heartbeatsOf(fleet), heartbeatsOf(fleet) / ackEvery, 0];
  const rotations = (agents * SECONDS_A_MONTH) / ASSUMED.rotationSeconds;
  const reconnects = reconnectsOf(fleet);
  return {
    connect: reconnects,
    // A new connection begins with a heartbeat, which a rotation counts itself.
    heartbeat: acknowledged + reconnects,
    "heartbeat without ack": heartbeats - acknowledged,
    "heartbeat over HTTP": overHttp,
    disconnect: reconnects,
    rotation: rotations,
    subscribe: (rotations + reconnects) * subscriptions,
    "publish to 1": agents * fleet.messagesPerDay * DAYS_A_MONTH,
    // Who reconnects goes offline and comes back; a rotation is not seen.
    transition: 2 * reconnects,
  };
}

/** Those that come at the interval. */
export const heartbeatsOf = ({ agents, intervalSeconds }: Fleet): number =>
  (agents * SECONDS_A_MONTH) / intervalSeconds;

/** The answers to heartbeats over HTTP, which are no messages. */
export const httpAnswersOf = (fleet: Fleet): number => {
  if (fleet.transport === "websocket") return 0;
  return heartbeatsOf(fleet) - (fleet.transport === "both" ? keepAlivesOf(fleet) : 0);
};

/** Heartbeats on the WebSocket beside those over HTTP. */
const keepAlivesOf = ({ agents, intervalSeconds }: Fleet): number =>
  (agents * SECONDS_A_MONTH) / Math.max(QUIET_WEBSOCKET_SECONDS, intervalSeconds);

/** The connections of a month, in minutes. */
export const connectionMinutesOf = ({ agents, transport }: Fleet): number =>
  transport === "http" ? 0 : agents * MINUTES_A_MONTH;

/** Of connections. */
export const reconnectsOf = ({ agents, reconnectsPerDay, transport }: Fleet): number =>
  transport === "http" ? 0 : agents * reconnectsPerDay * DAYS_A_MONTH;

/** The units of all operations, without the sweep's. */
export function operationUnits(fleet: Fleet): Units {
  const total: Units = {
    messagesIn: 0,
    messagesOut: 0,
    invocations: 0,
    writeUnits: 0,
    readUnits: 0,
    statusWriteUnits: 0,
    statusReadUnits: 0,
    busEvents: 0,
    logBytes: 0,
  };
  for (const [operation, times] of Object.entries(operationsOf(fleet))) {
    const units = UNITS[operation as Operation];
    for (const name of Object.keys(total) as (keyof Units)[]) total[name] += times * units[name];
  }
  return total;
}

/** How often the sweep's function is started, for how many seconds it is billed, and what its passes read and write. */
export function sweepUsage({ sweepSeconds, agents }: Fleet) {
  const passes = SECONDS_A_MONTH / sweepSeconds;
  const passSeconds = (ASSUMED.sweepMs + ASSUMED.sweepMsPerAgent * agents) / 1000;
  const units = {
    readUnits: passes * (SWEEP.readUnits + SWEEP.readUnitsPerAgent * agents),
    statusReadUnits: passes * (SWEEP.statusReadUnits + SWEEP.statusReadUnitsPerAgent * agents),
    writeUnits:
      passes * SWEEP.writeUnits +
      Math.min(passes, SECONDS_A_MONTH / SWEEP.trendSeconds) * SWEEP.trendWriteUnits,
    logBytes: passes * SWEEP.logBytes,
  };
  if (sweepSeconds >= 60) {
    return { ...units, invocations: passes, seconds: passes * passSeconds };
  }
  // Passes closer together than a minute are one invocation a minute, which is billed while it waits.
  const perInvocation = 60 - sweepSeconds + passSeconds;
  return { ...units, invocations: MINUTES_A_MONTH, seconds: MINUTES_A_MONTH * perInvocation };
}
