/** Prints what a fleet costs, or how it costs less. Loaded for that command alone, with all prices. */

import { duration } from "../terminal/durations";
import type { Printer } from "../terminal/printer";
import type { Bill, Item } from "./bill";
import { advice, estimate } from "./estimate";
import { dollars, quantity } from "./figures";
import type { Fleet } from "./fleet";
import { PRICES_DATE } from "./prices";
import { recommend, type Saving } from "./recommend";

/** The described fleet as a sentence, without its end. */
function inWords({ agents, region, intervalSeconds, ackEvery }: Fleet): string {
  if (agents === 0) return `A deployment in ${region} without agents`;
  const acks = ackEvery === 1 ? "each acknowledged" : `one in ${ackEvery} acknowledged`;
  return `${quantity(agents)} agents in ${region}, a heartbeat every ${intervalSeconds} s, ${acks}`;
}

export function showEstimate(fleet: Fleet, handlerMs: number, printer: Printer): void {
  const result = estimate(fleet, handlerMs);
  if (printer.json) {
    printer.value({ ...result, advice: advice(result) });
    return;
  }
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

export function showRecommendation(fleet: Fleet, handlerMs: number, printer: Printer): void {
  const found = recommend(fleet, handlerMs);
  if (printer.json) {
    printer.value({ fleet, pricesOf: PRICES_DATE, ...found });
    return;
  }
  const { bold, dim } = printer.colours;
  const { usd, savings, recommendedUsd, floor, weaker } = found;
  const platform = Object.values(floor).reduce((sum, part) => sum + part);
  printer.lines(`${inWords(fleet)}: ${dollars(usd)} a month.`);
  for (const saving of savings) printSaving(saving, printer);
  printer.lines(
    "",
    savings.length === 0
      ? bold("These settings are the cheapest that keep all promises.")
      : bold(`With these settings: ${dollars(recommendedUsd)} a month.`),
    `Of this, AWS charges ${dollars(platform)} for connections and heartbeats alone: ${dollars(floor.connectionMinutes)} for ` +
      `connection minutes, ${dollars(floor.messages)} for messages, ${dollars(floor.functions)} for functions, and ` +
      `${dollars(floor.writes)} for writes, if no provisioned unit is idle.`,
  );
  if (weaker.length > 0) printer.lines("", "Each of these saves more, but weakens a promise:");
  for (const saving of weaker) printSaving(saving, printer);
  printer.lines(
    "",
    dim(
      `Prices of ${PRICES_DATE}, without free tiers, discounts and taxes; \`cost\` without --recommend marks those that are not confirmed.`,
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
