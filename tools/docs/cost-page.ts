/** Generates the tables and the chart of docs/cost.md from the cost model. */

import { type Estimate, estimate } from "../../cli/src/cost/estimate";
import { dollars, quantity } from "../../cli/src/cost/figures";
import { DEFAULT_FLEET, type Fleet } from "../../cli/src/cost/fleet";
import { type Billed, type Price, pricesIn } from "../../cli/src/cost/prices";
import { recommend } from "../../cli/src/cost/recommend";

const SIZES = [10, 100, 1000, 10_000, 100_000];

const SETTINGS: readonly (readonly [string, (agents: number) => Partial<Fleet>])[] = [
  ["30 s", () => ({})],
  ["30 s, cheapest settings", (agents) => recommend({ ...DEFAULT_FLEET, agents }).recommended],
  ["60 s", () => ({ intervalSeconds: 60 })],
  ["5 min", () => ({ intervalSeconds: 300 })],
];

/** What a deployment without agents has of CloudWatch, by its props. */
const WATCHING: readonly (readonly [string, Partial<Fleet>])[] = [
  ["as by default", {}],
  ["`alarms: true`", { alarms: "all" }],
  ["`alarms: true`, `cloudWatchDashboard: true`", { alarms: "all", cloudWatchDashboard: true }],
  ["`alarms: false`", { alarms: "none" }],
];

const of = (fleet: Partial<Fleet>) => estimate({ ...DEFAULT_FLEET, ...fleet });

/** The generated blocks of docs/cost.md, by name. */
export function blocks(): Record<string, string> {
  return {
    fixed: fixed(),
    sizes: sizes(),
    recommended: recommended(),
    sweeps: sweeps(),
    items: items(),
    prices: prices(),
  };
}

function fixed(): string {
  const rows = WATCHING.map(([name, setting]) => [
    name,
    dollars(of({ ...setting, agents: 0 }).agentHeartbeat.usd),
  ]);
  return markdown(["without agents", "a month"], rows);
}

/** What the settings of `cost --recommend` save. */
function recommended(): string {
  const { usd, savings, recommendedUsd, floor } = recommend({ ...DEFAULT_FLEET, agents: 2000 });
  return markdown(
    ["2,000 agents, 30 s", "a month"],
    [
      ["as by default", dollars(usd)],
      ...savings.map(({ setting, saves }) => [`\`${setting}\``, `- ${dollars(saves)}`]),
      ["with these settings", `**${dollars(recommendedUsd)}**`],
      ["of it, connection minutes", dollars(floor.connectionMinutes)],
      ["of it, a message per heartbeat", dollars(floor.messages)],
      ["of it, a function call per heartbeat", dollars(floor.functions)],
      ["of it, a write per heartbeat, no provisioned unit idle", dollars(floor.writes)],
    ],
  );
}

function sizes(): string {
  const rows = SIZES.map((agents) => {
    const estimates = SETTINGS.map(([, setting]) => of({ ...setting(agents), agents }));
    const own = estimates.map(({ agentHeartbeat }) => dollars(agentHeartbeat.usd));
    return [quantity(agents), ...own, dollars(estimates[0]?.iotCore.usd ?? 0)];
  });
  return markdown(["agents", ...SETTINGS.map(([name]) => name), "AWS IoT Core"], rows);
}

const SWEEPS = { "5 min": 300, "1 min": 60, "30 s": 30, "10 s": 10 } as const;

/** The cost of the sweep: the bill with sweeps minus the bill without. */
function sweeps(): string {
  const usd = (agents: number, sweepSeconds: number) =>
    of({ agents, sweepSeconds }).agentHeartbeat.usd;
  const rows = SIZES.map((agents) => [
    quantity(agents),
    ...Object.values(SWEEPS).map((seconds) =>
      dollars(usd(agents, seconds) - usd(agents, Number.POSITIVE_INFINITY)),
    ),
  ]);
  return markdown(["agents", ...Object.keys(SWEEPS)], rows);
}

function items(): string {
  const { agentHeartbeat, iotCore } = of({});
  const rows = (name: string, bill: Estimate["agentHeartbeat"]) => [
    ...bill.items.map((item) => [
      name,
      item.service,
      item.what,
      quantity(item.quantity),
      dollars(item.usd),
    ]),
    [name, "**all**", "", "", `**${dollars(bill.usd)}**`],
  ];
  return markdown(
    ["with", "service", "what", "quantity", "a month"],
    [...rows("Agent Heartbeat", agentHeartbeat), ...rows("AWS IoT Core", iotCore)],
  );
}

function prices(): string {
  const [east, ireland] = [pricesIn("us-east-1"), pricesIn("eu-west-1")];
  const rows = (Object.keys(east) as Billed[]).map((billed) => [
    `\`${billed}\``,
    priceText(east[billed]),
    priceText(ireland[billed]),
    east[billed].source === ireland[billed].source
      ? east[billed].source
      : `${east[billed].source}; eu-west-1: ${ireland[billed].source}`,
  ]);
  return markdown(["what", "us-east-1", "eu-west-1", "source"], rows);
}

function priceText({ per, tiers, confirmed }: Price): string {
  const [first] = tiers;
  const more = tiers.length > 1 ? ", less above 1 billion" : "";
  const each = per === 1 ? "" : ` a ${quantity(per).replace("1.0 ", "")}`;
  return `$${first?.usd}${each}${more}${confirmed ? "" : " *"}`;
}

function markdown(titles: string[], rows: string[][]): string {
  return [titles, titles.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

const COLOURS: Readonly<Record<string, string>> = {
  "API Gateway": "#8456ce",
  DynamoDB: "#2f6feb",
  Lambda: "#e07941",
  "IoT Core": "#3a9469",
  Others: "#8b949e",
};

const LEFT = 170;
const BAR = 22;
const ROW = 36;
const SCALE_WIDTH = 440;

/** Monthly cost of 1,000 agents by service: one bar per setting and one for IoT Core. */
export function chart(): string {
  const bars = [
    ...SETTINGS.map(
      ([name, setting]) => [name, of(setting(DEFAULT_FLEET.agents)).agentHeartbeat] as const,
    ),
    ["AWS IoT Core", of({}).iotCore] as const,
  ];
  const most = Math.max(...bars.map(([, { usd }]) => usd));
  const height = bars.length * ROW + 50;
  const lines = bars.flatMap(([name, bill], index) => {
    const y = 10 + index * ROW;
    let x = LEFT;
    const parts = Object.entries(byService(bill)).map(([service, usd]) => {
      const width = (usd / most) * SCALE_WIDTH;
      const part = `<rect x="${round(x)}" y="${y}" width="${round(width)}" height="${BAR}" fill="${COLOURS[service]}"/>`;
      x += width;
      return part;
    });
    return [
      `<text x="${LEFT - 10}" y="${y + 16}" text-anchor="end">${name}</text>`,
      ...parts,
      `<text x="${round(x + 8)}" y="${y + 16}">${dollars(bill.usd)}</text>`,
    ];
  });
  const legend = Object.entries(COLOURS).flatMap(([service, colour], index) => {
    const x = LEFT + index * 105;
    const y = bars.length * ROW + 20;
    return [
      `<rect x="${x}" y="${y}" width="12" height="12" fill="${colour}"/>`,
      `<text x="${x + 18}" y="${y + 11}">${service}</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 ${height}" font-family="sans-serif" font-size="13" role="img">`,
    "<title>Monthly cost of 1,000 agents by settings, compared with AWS IoT Core</title>",
    `<rect width="720" height="${height}" fill="#ffffff"/>`,
    ...lines,
    ...legend,
    "</svg>\n",
  ].join("\n");
}

function byService({ items }: Estimate["agentHeartbeat"]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { service, usd } of items) {
    const name = service in COLOURS ? service : "Others";
    sums[name] = (sums[name] ?? 0) + usd;
  }
  return sums;
}

const round = (value: number) => Math.round(value * 10) / 10;
