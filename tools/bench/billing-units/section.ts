/**
 * The report section on billing units per operation, and per heartbeat in common alternative
 * designs.
 */

import { priceOf, pricesIn } from "../../../cli/src/cost/prices";
import { ASSUMED, MEMORY_GB } from "../../../cli/src/cost/units";
import { startEngine } from "../../../testing/engine";
import { type Section, table } from "../section";
import { measureVariants, type VariantFigures } from "../variants/measure";
import { Meter, type Units } from "./meter";
import { type Measured, measure, NOW } from "./operations";
import { composeService } from "./service";

export interface BillingFigures {
  operations: Measured[];
  variants: VariantFigures[];
}

const REGION = "us-east-1";

const HEAD = [
  "",
  "messages in",
  "messages out",
  "invocations",
  "write units",
  "read units",
  "@connections",
  "events",
  "log bytes",
];

const cells = (units: Units) => [
  units.messagesIn,
  units.messagesOut,
  units.invocations,
  units.writeUnits,
  units.readUnits,
  units.connectionCalls,
  units.busEvents,
  units.logBytes,
];

export const billingUnits: Section<BillingFigures> = {
  name: "billing-units",
  title: "Billing units",
  measure: () => measureBillingUnits(),

  markdown: ({ operations, variants }) => {
    const ours = unitsOf(operations, "heartbeat");
    return [
      "What AWS bills for each operation. DynamoDB units are the engine's own count and include failed conditions; " +
        "everything else is counted where it is called. These figures are exact.",
      table(
        ["operation", ...HEAD.slice(1)],
        operations.map(({ operation, units }) => [operation, ...cells(units)]),
      ),
      "The same heartbeat in common alternative designs, each implemented in `tools/bench/variants/`, and the cost of a million " +
        `heartbeats at ${REGION} prices. The functions are assumed to run equally long in all designs, ` +
        `${ASSUMED.handlerMs} ms, which favours designs that make more calls.`,
      table(
        ["design", ...HEAD.slice(1), "a million"],
        [
          ["**this one**", ...cells(ours), dollars(ours)],
          ...variants.map(({ name, heartbeat }) => [name, ...cells(heartbeat), dollars(heartbeat)]),
        ],
      ),
      variants.map(({ name, what }) => `- *${name}*: ${what}.`).join("\n"),
      sweepComparison(operations, variants),
    ].join("\n\n");
  },

  changes: (figures, reported) => {
    const before = countsOf(reported);
    const after = countsOf(figures);
    return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
      const [was, is] = [before.get(name), after.get(name)];
      return was === is
        ? []
        : [`${name}: ${was ?? "not counted"} in the report, now ${is ?? "not counted"}`];
    });
  },

  goals: ({ operations }) => {
    const http = unitsOf(operations, "heartbeat over HTTP");
    const { writeUnits, readUnits, invocations, messagesIn, messagesOut } = unitsOf(
      operations,
      "heartbeat",
    );
    return [
      {
        goal: "a heartbeat costs one message in, one message out, one invocation, one write unit and no read unit",
        found: `${messagesIn}, ${messagesOut}, ${invocations}, ${writeUnits} and ${readUnits}`,
        met:
          `${messagesIn} ${messagesOut} ${invocations} ${writeUnits} ${readUnits}` === "1 1 1 1 0",
      },
      {
        goal: "a heartbeat over HTTP costs one invocation, one write unit and half a read unit",
        found: `${http.invocations}, ${http.writeUnits} and ${http.readUnits}`,
        met: `${http.invocations} ${http.writeUnits} ${http.readUnits}` === "1 1 0.5",
      },
    ];
  },
};

async function measureBillingUnits(): Promise<BillingFigures> {
  const engine = await startEngine();
  const meter = new Meter(engine.statusTableName);
  const service = composeService(engine, meter, () => NOW + 93_000);
  try {
    const operations = await measure(engine, service, meter);
    return { operations, variants: await measureVariants() };
  } finally {
    service.close();
    await engine.stop();
  }
}

/** All counts by name, for example `heartbeat, writeUnits`. */
function countsOf({ operations, variants }: BillingFigures): Map<string, number> {
  const all = [
    ...operations.map(({ operation, units }) => [operation, units] as const),
    ...variants.flatMap(({ name, connect, heartbeat, sweep }) => [
      [`${name}: connect`, connect] as const,
      [`${name}: heartbeat`, heartbeat] as const,
      ...(sweep ? [[`${name}: sweep`, sweep] as const] : []),
    ]),
  ];
  return new Map(
    all.flatMap(([operation, units]) =>
      Object.entries(units).map(([unit, count]) => [`${operation}, ${unit}`, count] as const),
    ),
  );
}

function unitsOf(operations: readonly Measured[], name: string): Units {
  const found = operations.find(({ operation }) => operation === name);
  if (!found) throw new Error(`expected the operation ${name}, got none`);
  return found.units;
}

/** The cost of a million heartbeats. */
function dollars(units: Units): string {
  const prices = pricesIn(REGION);
  const million = (quantity: number) => quantity * 1e6;
  const usd =
    // `messagesOut` already includes posts to connections.
    priceOf(prices.webSocketMessage, million(units.messagesIn + units.messagesOut)) +
    priceOf(prices.lambdaRequest, million(units.invocations)) +
    priceOf(
      prices.lambdaGbSecond,
      million(units.invocations * MEMORY_GB.handler * (ASSUMED.handlerMs / 1000)),
    ) +
    priceOf(prices.writeUnit, million(units.writeUnits)) +
    priceOf(prices.readUnit, million(units.readUnits)) +
    priceOf(prices.logGb, million(units.logBytes) / 1e9);
  return `$${usd.toFixed(2)}`;
}

function sweepComparison(
  operations: readonly Measured[],
  variants: readonly VariantFigures[],
): string {
  const ours = unitsOf(operations, "sweep of 1000, none expired").readUnits;
  const indexed = variants.find(({ sweep }) => sweep !== null);
  return (
    `An index saves the scan: a sweep of a thousand agents takes ${ours} read units here and ` +
    `${indexed?.sweep?.readUnits} with the index. In return it makes every heartbeat more expensive, and there are ten thousand heartbeats ` +
    "between two sweeps."
  );
}
