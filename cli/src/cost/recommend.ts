/** The cheapest settings for a fleet, what each of them saves, and what is given up for it. */

import { duration } from "../terminal/durations";
import { agentHeartbeatBill } from "./agent-heartbeat";
import { leastWriteUnits } from "./capacity";
import { DEFAULT_FLEET, type Fleet } from "./fleet";
import { type Billed, priceOf, pricesIn } from "./prices";
import { ASSUMED, MEMORY_GB, PROVISIONED } from "./units";
import { connectionMinutesOf, heartbeatsOf, httpAnswersOf } from "./usage";

/** A change of settings that lowers the bill. */
export interface Saving {
  /** As it is written in an agent's options, or in the construct's props. */
  setting: string;
  of: "agents" | "construct";
  /** Dollars a month. */
  saves: number;
  /** What it costs in what is promised. */
  inExchange: string;
}

export interface Recommendation {
  /** A month's bill as described, in dollars. */
  usd: number;
  /** Settings that leave intact how soon a dead agent shows. The greatest saving first. */
  savings: Saving[];
  /** The fleet with all of them, and its bill in dollars. */
  recommended: Fleet;
  recommendedUsd: number;
  /** What the platform asks for connections and heartbeats alone, which no setting lowers. In dollars. */
  floor: { connectionMinutes: number; messages: number; functions: number; writes: number };
  /** Further savings, each by itself, that weaken a promise. */
  weaker: Saving[];
}

/** Smaller ones are not worth a line. */
const LEAST_SAVING_USD = 0.01;

/** The client's limit. */
const MOST_ACK_EVERY = 10;

const MAX_INTERVAL_SECONDS = 540;

type Change = Omit<Saving, "saves"> & { to: Partial<Fleet> };

/** @param handlerMs billed time of a function that handles a message */
export function recommend(fleet: Fleet, handlerMs?: number): Recommendation {
  const usdOf = (one: Fleet) => agentHeartbeatBill(one, handlerMs).usd;
  const savings: Saving[] = [];
  let best = fleet;
  for (const change of [sweeping, alarms, dashboard, domain, acks, capacity]) {
    const found = change(best);
    if (!found) continue;
    const saves = usdOf(best) - usdOf({ ...best, ...found.to });
    if (saves < LEAST_SAVING_USD) continue;
    savings.push(savingOf(found, saves));
    best = { ...best, ...found.to };
  }
  const recommendedUsd = usdOf(best);
  const weaker = [
    withoutWebSocket(best),
    tolerance(best, 2.5),
    tolerance(best, 1.5),
    later(best),
    noAlarms(best),
  ]
    .filter((change) => change !== undefined)
    .map((change) => {
      const changed = { ...best, ...change.to };
      const fitted = best.minWriteUnits > 0 ? { ...changed, ...cheaperCapacity(changed) } : changed;
      return savingOf(change, recommendedUsd - usdOf(fitted));
    });
  const bySize = (one: Saving, other: Saving) => other.saves - one.saves;
  return {
    usd: usdOf(fleet),
    savings: savings.sort(bySize),
    recommended: best,
    recommendedUsd,
    floor: floorOf(fleet, handlerMs),
    weaker: weaker.filter(({ saves }) => saves >= LEAST_SAVING_USD).sort(bySize),
  };

  /** Capacity for a changed fleet, or on demand where that is cheaper. */
  function cheaperCapacity(one: Fleet): Partial<Fleet> {
    const minWriteUnits = leastWriteUnits(one);
    const provisioned = usdOf({ ...one, minWriteUnits });
    return { minWriteUnits: provisioned < usdOf({ ...one, minWriteUnits: 0 }) ? minWriteUnits : 0 };
  }
}

const savingOf = ({ setting, of, inExchange }: Change, saves: number): Saving => ({
  setting,
  of,
  saves,
  inExchange,
});

function sweeping({ sweepSeconds }: Fleet): Change | undefined {
  const usual = DEFAULT_FLEET.sweepSeconds;
  if (sweepSeconds >= usual) return undefined;
  return {
    setting: `sweepInterval: Duration.seconds(${usual})`,
    of: "construct",
    to: { sweepSeconds: usual },
    inExchange:
      `The event of a silent death is published up to ${seconds(usual)} after the lease's end instead of ` +
      `${seconds(sweepSeconds)}. Readers see it as early as before.`,
  };
}

function alarms(fleet: Fleet): Change | undefined {
  if (fleet.alarms !== "all") return undefined;
  return {
    setting: 'alarms: "essential"',
    of: "construct",
    to: { alarms: "essential" },
    inExchange:
      "No alarm warns early, names a throttled table as the cause, or reports refused logins. The alarms for failures of the service stay.",
  };
}

function dashboard({ cloudWatchDashboard }: Fleet): Change | undefined {
  if (!cloudWatchDashboard) return undefined;
  return {
    setting: "cloudWatchDashboard: false",
    of: "construct",
    to: { cloudWatchDashboard: false },
    inExchange: "No page of graphs in CloudWatch. The metrics stay.",
  };
}

function domain({ httpDomain }: Fleet): Change | undefined {
  if (!httpDomain) return undefined;
  return {
    setting: "no httpDomain",
    of: "construct",
    to: { httpDomain: false },
    inExchange:
      "Agents send their heartbeats to the function URL itself, which is different for a new deployment.",
  };
}

function acks(fleet: Fleet): Change | undefined {
  const { ackEvery, intervalSeconds, timeoutMultiplier } = fleet;
  if (ackEvery >= MOST_ACK_EVERY || fleet.transport !== "websocket") return undefined;
  const noticed = (every: number) => seconds(intervalSeconds * (timeoutMultiplier + every - 1));
  return {
    setting: `ackEvery: ${MOST_ACK_EVERY}`,
    of: "agents",
    to: { ackEvery: MOST_ACK_EVERY },
    inExchange:
      `An agent whose connection is dead without a close notices after ${noticed(MOST_ACK_EVERY)} instead of ` +
      `${noticed(ackEvery)}, and reads as offline until it has reconnected.`,
  };
}

function capacity(fleet: Fleet): Change | undefined {
  const minWriteUnits = leastWriteUnits(fleet);
  if (fleet.minWriteUnits > 0 && fleet.minWriteUnits <= minWriteUnits) return undefined;
  if (minWriteUnits > PROVISIONED.maxUnits) return undefined;
  return {
    setting: `statusTableCapacity: { minWriteUnits: ${minWriteUnits} }`,
    of: "construct",
    to: { minWriteUnits },
    inExchange:
      "A sudden load beyond this and DynamoDB's burst capacity is throttled for minutes, until auto-scaling follows: more agents, " +
      "shorter intervals, or two reconnects of the whole fleet in a row. Logins are then late, and heartbeats may be lost.",
  };
}

/** The same time until a dead agent shows, at a longer interval. */
function tolerance(fleet: Fleet, multiplier: number): Change | undefined {
  const { intervalSeconds, timeoutMultiplier } = fleet;
  const interval = Math.floor((intervalSeconds * timeoutMultiplier) / multiplier);
  if (timeoutMultiplier <= multiplier || interval > MAX_INTERVAL_SECONDS) return undefined;
  const lost = multiplier < 2 ? "A single lost heartbeat makes" : "Two lost heartbeats make";
  return {
    setting: `heartbeatInterval: ${interval}, heartbeatTimeoutMultiplier: ${multiplier}`,
    of: "agents",
    to: { intervalSeconds: interval, timeoutMultiplier: multiplier },
    inExchange: `${lost} a healthy agent read as offline. A dead one shows as early as before.`,
  };
}

function withoutWebSocket(fleet: Fleet): Change | undefined {
  const { transport, messagesPerDay, subscriptions } = fleet;
  if (transport === "http" || messagesPerDay + subscriptions > 0) return undefined;
  return {
    setting: "heartbeats over HTTP, without a WebSocket",
    of: "agents",
    to: { transport: "http" },
    inExchange:
      "Agents receive no messages, and a broken connection shows when the lease ends instead of at once. " +
      "A silent death shows as early as before.",
  };
}

function later(fleet: Fleet): Change | undefined {
  const { intervalSeconds, timeoutMultiplier, transport } = fleet;
  const interval = 300;
  if (intervalSeconds >= interval) return undefined;
  return {
    setting: `heartbeatInterval: ${interval}`,
    of: "agents",
    to: { intervalSeconds: interval },
    inExchange:
      `A silent death shows within ${seconds(interval * timeoutMultiplier)} instead of ` +
      `${seconds(intervalSeconds * timeoutMultiplier)}.` +
      (transport === "http" ? "" : " The end of a connection shows at once, as before."),
  };
}

function noAlarms(fleet: Fleet): Change | undefined {
  if (fleet.alarms === "none") return undefined;
  return {
    setting: "alarms: false",
    of: "construct",
    to: { alarms: "none" },
    inExchange: "Nobody is notified when the service fails.",
  };
}

/** One message, one call and one write a heartbeat, with no provisioned unit idle. */
function floorOf(fleet: Fleet, handlerMs: number = ASSUMED.handlerMs): Recommendation["floor"] {
  const prices = pricesIn(fleet.region);
  const heartbeats = heartbeatsOf(fleet);
  const usd = (billed: Billed, quantity: number) => priceOf(prices[billed], quantity);
  const gbSeconds = heartbeats * MEMORY_GB.handler * (handlerMs / 1000);
  return {
    connectionMinutes: usd("connectionMinute", connectionMinutesOf(fleet)),
    messages: usd("webSocketMessage", heartbeats - httpAnswersOf(fleet)),
    functions: usd("lambdaRequest", heartbeats) + usd("lambdaGbSecond", gbSeconds),
    // A unit of capacity writes once a second.
    writes: usd("writeUnitHour", heartbeats / 3600),
  };
}

const seconds = (value: number) => duration(value * 1000);
