/** `cost`: what a fleet costs a month, beside the same fleet on AWS IoT Core. */

import { HEARTBEAT } from "@agent-heartbeat/sdk/protocol";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Bill, Item } from "../cost/bill";
import { advice, type Estimate, estimate } from "../cost/estimate";
import { dollars, quantity } from "../cost/figures";
import { DEFAULT_FLEET, type Fleet } from "../cost/fleet";
import { PRICES_DATE, REGIONS, type Region } from "../cost/prices";
import { type Recommendation, recommend, type Saving } from "../cost/recommend";
import { ALARM_METRICS, type Alarms, ASSUMED, PROVISIONED } from "../cost/units";
import { duration, parseDuration } from "../durations";
import type { Io } from "../io";
import { Printer } from "../printer";

interface Options {
  agents: number;
  interval: number;
  timeout: number;
  ackEvery: number;
  sweepInterval: number;
  reconnects: number;
  messages: number;
  subscriptions: number;
  handlerMs: number;
  minWriteUnits: number;
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
      "number of connected agents; 0 for what a deployment costs by itself",
      within(0, 1e8),
      fleet.agents,
    )
    .option("--interval <seconds>", "their heartbeat interval", interval, fleet.intervalSeconds)
    .option(
      "--timeout <multiplier>",
      "intervals without a heartbeat until an agent is offline",
      multiplier,
      fleet.timeoutMultiplier,
    )
    .option("--ack-every <count>", "request an ack for one heartbeat in this many", ackEvery, 1)
    .addOption(
      new Option("--sweep-interval <duration>", "time between two sweeps, as 10s, 5m or 1h")
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
      "provisioned write units of the status table (prop statusTableCapacity); 0 is on demand",
      within(0, PROVISIONED.maxUnits),
      fleet.minWriteUnits,
    )
    .addOption(
      new Option("--alarms <which>", "the alarms of the deployment (prop alarms)")
        .choices(Object.keys(ALARM_METRICS))
        .default(fleet.alarms),
    )
    .option("--cloudwatch-dashboard", "with a dashboard in CloudWatch (prop cloudWatchDashboard)")
    .addOption(
      new Option("--region <region>", "the AWS region").choices(REGIONS).default(fleet.region),
    )
    .option("--recommend", "print the cheapest settings for this fleet, and what each gives up")
    .option("--json", "print JSON")
    .action((options: Options, command: Command) => {
      const printer = new Printer(io, command.optsWithGlobals());
      const described = fleetOf(options);
      if (options.recommend) {
        const found = recommend(described, options.handlerMs);
        if (printer.json) printer.value({ fleet: described, pricesOf: PRICES_DATE, ...found });
        else printRecommendation(described, found, printer);
        return;
      }
      const result = estimate(described, options.handlerMs);
      if (printer.json) printer.value({ ...result, advice: advice(result) });
      else print(result, printer);
    });
}

function fleetOf(options: Options): Fleet {
  return {
    agents: options.agents,
    intervalSeconds: options.interval,
    timeoutMultiplier: options.timeout,
    ackEvery: options.ackEvery,
    sweepSeconds: options.sweepInterval,
    reconnectsPerDay: options.reconnects,
    messagesPerDay: options.messages,
    subscriptions: options.subscriptions,
    minWriteUnits: options.minWriteUnits,
    alarms: options.alarms,
    cloudWatchDashboard: options.cloudwatchDashboard ?? false,
    region: options.region,
  };
}

/** The described fleet as a sentence, without its end. */
function inWords({ agents, region, intervalSeconds, ackEvery }: Fleet): string {
  if (agents === 0) return `A deployment in ${region} without agents`;
  const acks = ackEvery === 1 ? "each acknowledged" : `one in ${ackEvery} acknowledged`;
  return `${quantity(agents)} agents in ${region}, a heartbeat every ${intervalSeconds} s, ${acks}`;
}

function print(result: Estimate, printer: Printer): void {
  const { bold, dim } = printer.colours;
  printer.lines(`${inWords(result.fleet)}.`);
  for (const [name, bill] of [
    ["Agent Heartbeat", result.agentHeartbeat],
    ["AWS IoT Core", result.iotCore],
  ] as const) {
    if (bill.items.length === 0) continue;
    const detection = duration(bill.detectionSeconds * 1000);
    printer.lines(
      "",
      `${bold(`${name}: ${dollars(bill.usd)} a month`)} ${dim(`(a silent death shows within ${detection})`)}`,
    );
    printBill(bill, printer);
  }
  const unconfirmed = [...result.agentHeartbeat.items, ...result.iotCore.items].some(isUnsure);
  printer.lines(
    "",
    ...advice(result),
    "",
    dim(`Prices of ${result.pricesOf}, without free tiers, discounts and taxes.`),
    ...(unconfirmed ? [dim("* These prices could not be confirmed.")] : []),
  );
}

function printRecommendation(fleet: Fleet, found: Recommendation, printer: Printer): void {
  const { bold, dim } = printer.colours;
  const { usd, savings, recommendedUsd, floor, weaker } = found;
  const platform = Object.values(floor).reduce((sum, part) => sum + part);
  printer.lines(`${inWords(fleet)}: ${dollars(usd)} a month.`);
  for (const saving of savings) printSaving(saving, printer);
  printer.lines(
    "",
    savings.length === 0
      ? bold("These settings are the cheapest that keep what is promised.")
      : bold(`With these settings: ${dollars(recommendedUsd)} a month.`),
    `AWS asks ${dollars(platform)} of it for connections and heartbeats alone: ${dollars(floor.connectionMinutes)} for ` +
      `connection minutes, ${dollars(floor.messages)} for messages, ${dollars(floor.functions)} for functions, and ` +
      `${dollars(floor.writes)} for writes, if no provisioned unit is idle.`,
  );
  if (weaker.length > 0) printer.lines("", "Each of these saves more, and weakens a promise:");
  for (const saving of weaker) printSaving(saving, printer);
  printer.lines(
    "",
    dim(
      `Prices of ${PRICES_DATE}, without free tiers, discounts and taxes; see the bill for those that are not confirmed.`,
    ),
  );
}

function printSaving({ setting, of, saves, inExchange }: Saving, printer: Printer): void {
  const { bold, dim } = printer.colours;
  const where = of === "agents" ? "each agent's options" : "the construct's props";
  printer.lines(
    "",
    `${bold(setting)}  ${dim(`(${where})`)}`,
    `  saves ${dollars(saves)} a month. ${inExchange}`,
  );
}

function printBill({ items }: Bill, printer: Printer): void {
  printer.table(items, [
    { title: "SERVICE", text: ({ service }) => service },
    { title: "WHAT", text: ({ what }) => what },
    { title: "QUANTITY", text: (item) => quantity(item.quantity) },
    { title: "A MONTH", text: (item) => `${dollars(item.usd)}${isUnsure(item) ? " *" : ""}` },
  ]);
}

const isUnsure = ({ confirmed }: Item) => !confirmed;

/** What the construct's `sweepInterval` takes, in seconds. */
function sweepSeconds(text: string): number {
  const seconds = (parseDuration(text) ?? 0) / 1000;
  const even = seconds % 60 === 0 || [10, 12, 15, 20, 30].includes(seconds);
  if (even && seconds >= 10 && seconds <= 86_400) return seconds;
  throw new InvalidArgumentError(
    "Expected 10s, 12s, 15s, 20s, 30s, or whole minutes up to a day, as 5m or 1h.",
  );
}

function within(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a number, from ${min} to ${max}.`);
  };
}
