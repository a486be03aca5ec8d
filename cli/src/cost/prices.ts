/** What AWS asks for each thing that it bills: a table with the date and the source of every price. */

import type { Region } from "./fleet";
import table from "./prices.json";

/** Things that are billed. */
export type Billed = keyof (typeof table.regions)["us-east-1"];

/** A price: its tiers apply to a month's quantity one after the other, and the last one to all the rest. */
export interface Price {
  /** How many units the price is for. */
  per: number;
  tiers: { upTo?: number; usd: number }[];
  source: string;
  /** Whether the source could be read; a price that is not confirmed is what we believe it to be. */
  confirmed: boolean;
}

export type Prices = Readonly<Record<Billed, Price>>;

/** When the prices were looked up. Free tiers, discounts and taxes are not in them. */
export const PRICES_DATE: string = table.date;

export function pricesIn(region: Region): Prices {
  return table.regions[region];
}

/** What a month's quantity costs, in dollars. */
export function priceOf({ per, tiers }: Price, quantity: number): number {
  let from = 0;
  let usd = 0;
  for (const tier of tiers) {
    const to = Math.min(quantity, tier.upTo ?? Number.POSITIVE_INFINITY);
    usd += (Math.max(0, to - from) / per) * tier.usd;
    from = Math.max(from, to);
  }
  return usd;
}
