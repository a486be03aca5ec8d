/** `cost`: what a fleet costs a month, beside the same fleet on AWS IoT Core. */

import { HEARTBEAT } from "@agent-heartbeat/sdk/protocol";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Bill, Item } from "../cost/bill";
import { advice, type Estimate, estimate } from "../cost/estimate";
import { dollars, quantity } from "../cost/figures";
import { DEFAULT_FLEET, type Fleet } from "../cost/fleet";
import { REGIONS, type Region } from "../cost/prices";
import { ASSUMED } from "../cost/units";
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
  region: Region;
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
    .option("--agents <count>", "number of connected agents", within(1, 1e8), fleet.agents)
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
    .addOption(
      new Option("--region <region>", "the AWS region").choices(REGIONS).default(fleet.region),
    )
    .option("--json", "print JSON")
    .action((options: Options, command: Command) => {
      const printer = new Printer(io, command.optsWithGlobals());
      const result = estimate(fleetOf(options), options.handlerMs);
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
    region: options.region,
  };
}

function print(result: Estimate, printer: Printer): void {
  const { agents, intervalSeconds, ackEvery, region } = result.fleet;
  const { bold, dim } = printer.colours;
  const acks = ackEvery === 1 ? "each acknowledged" : `one in ${ackEvery} acknowledged`;
  printer.lines(
    `${quantity(agents)} agents in ${region}, a heartbeat every ${intervalSeconds} s, ${acks}.`,
  );
  for (const [name, bill] of [
    ["Agent Heartbeat", result.agentHeartbeat],
    ["AWS IoT Core", result.iotCore],
  ] as const) {
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
