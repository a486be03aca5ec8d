/** `cost`: what a fleet costs a month, beside the same fleet on AWS IoT Core. */

import { HEARTBEAT } from "@agent-heartbeat/sdk/protocol";
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  DEFAULT_FLEET,
  type Fleet,
  REGIONS,
  type Region,
  TRANSPORTS,
  type Transport,
} from "../cost/fleet";
import { ALARM_METRICS, type Alarms, ASSUMED, PROVISIONED } from "../cost/units";
import type { Io } from "../io";
import { parseDuration } from "../terminal/durations";
import { Printer } from "../terminal/printer";

interface Options {
  agents: number;
  transport: Transport;
  interval: number;
  timeout: number;
  ackEvery: number;
  sweepInterval: number;
  reconnects: number;
  messages: number;
  subscriptions: number;
  handlerMs: number;
  minWriteUnits: number;
  httpDomain?: boolean;
  alarms: Alarms;
  cloudwatchDashboard?: boolean;
  region: Region;
  recommend?: boolean;
  json?: boolean;
}

export function addCost(program: Command, io: Io): void {
  const fleet = DEFAULT_FLEET;
  const { minIntervalSeconds, maxIntervalSeconds } = HEARTBEAT;
  const { minTimeoutMultiplier, maxTimeoutMultiplier } = HEARTBEAT;
  const interval = within(minIntervalSeconds, maxIntervalSeconds);
  const ackEvery = within(1, 10);
  const multiplier = within(minTimeoutMultiplier, maxTimeoutMultiplier);
  program
    .command("cost")
    .summary("estimate the monthly cost of a fleet")
    .description("Estimate the monthly cost of a fleet, and compare it with AWS IoT Core.")
    .option(
      "--agents <count>",
      "number of connected agents; 0 for the cost of an idle deployment",
      within(0, 1e8),
      fleet.agents,
    )
    .addOption(
      new Option(
        "--transport <transport>",
        "how they send heartbeats: websocket, http, or both for http with a WebSocket",
      )
        .choices(TRANSPORTS)
        .default(fleet.transport),
    )
    .option("--interval <seconds>", "their heartbeat interval", interval, fleet.intervalSeconds)
    .option(
      "--timeout <multiplier>",
      "how many intervals without a heartbeat make an agent offline",
      multiplier,
      fleet.timeoutMultiplier,
    )
    .option("--ack-every <count>", "request an ack for one in this many heartbeats", ackEvery, 1)
    .addOption(
      new Option("--sweep-interval <duration>", "time between two sweeps, such as 10s, 5m or 1h")
        .argParser(sweepSeconds)
        .default(fleet.sweepSeconds, "5m"),
    )
    .option(
      "--reconnects <count>",
      "lost connections per agent and day",
      within(0, 1e5),
      fleet.reconnectsPerDay,
    )
    .option(
      "--messages <count>",
      "messages per agent and day",
      within(0, 1e7),
      fleet.messagesPerDay,
    )
    .option(
      "--subscriptions <count>",
      "subscriptions per agent",
      within(0, 1000),
      fleet.subscriptions,
    )
    .option(
      "--handler-ms <ms>",
      "billed time of a function that handles a message",
      within(1, 1e4),
      ASSUMED.handlerMs,
    )
    .option(
      "--min-write-units <count>",
      "provisioned write units of the status table (prop statusTableCapacity); 0 means on-demand",
      within(0, PROVISIONED.maxUnits),
      fleet.minWriteUnits,
    )
    .option("--http-domain", "with a custom domain for HTTP (prop httpDomain)")
    .addOption(
      new Option("--alarms <which>", "the alarms of the deployment (prop alarms)")
        .choices(Object.keys(ALARM_METRICS))
        .default(fleet.alarms),
    )
    .option("--cloudwatch-dashboard", "with a dashboard in CloudWatch (prop cloudWatchDashboard)")
    .addOption(
      new Option("--region <region>", "the AWS region").choices(REGIONS).default(fleet.region),
    )
    .option("--recommend", "print the cheapest settings for this fleet, and their trade-offs")
    .option("--json", "print JSON")
    .action(async (options: Options, command: Command) => {
      const { showEstimate, showRecommendation } = await import("../cost/show");
      const show = options.recommend ? showRecommendation : showEstimate;
      show(fleetOf(options), options.handlerMs, new Printer(io, command.optsWithGlobals()));
    });
}

function fleetOf(options: Options): Fleet {
  return {
    agents: options.agents,
    transport: options.transport,
    intervalSeconds: options.interval,
    timeoutMultiplier: options.timeout,
    ackEvery: options.ackEvery,
    sweepSeconds: options.sweepInterval,
    reconnectsPerDay: options.reconnects,
    messagesPerDay: options.messages,
    subscriptions: options.subscriptions,
    minWriteUnits: options.minWriteUnits,
    httpDomain: options.httpDomain ?? false,
    alarms: options.alarms,
    cloudWatchDashboard: options.cloudwatchDashboard ?? false,
    region: options.region,
  };
}

/** What the construct's `sweepInterval` takes, in seconds. */
function sweepSeconds(text: string): number {
  const seconds = (parseDuration(text) ?? 0) / 1000;
  const even = seconds % 60 === 0 || [10, 12, 15, 20, 30].includes(seconds);
  if (even && seconds >= 10 && seconds <= 86_400) return seconds;
  throw new InvalidArgumentError(
    "Expected 10s, 12s, 15s, 20s, 30s, or whole minutes up to a day, such as 5m or 1h.",
  );
}

function within(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a number, from ${min} to ${max}.`);
  };
}
