/** A month's bill, item by item. */

import { type Billed, type Prices, priceOf } from "./prices";

export interface Item {
  service: string;
  what: string;
  quantity: number;
  usd: number;
  /** Whether its price is confirmed. */
  confirmed: boolean;
}

export interface Bill {
  items: Item[];
  usd: number;
}

/** A thing that is billed, as a bill names it. */
export type Position = readonly [service: string, what: string, billed: Billed, quantity: number];

/** Positions that come to nothing are left out. */
export function billOf(positions: readonly Position[], prices: Prices): Bill {
  const items = positions
    .filter(([, , , quantity]) => quantity > 0)
    .map(([service, what, billed, quantity]): Item => {
      const price = prices[billed];
      return {
        service,
        what,
        quantity,
        usd: priceOf(price, quantity),
        confirmed: price.confirmed,
      };
    });
  return { items, usd: items.reduce((sum, item) => sum + item.usd, 0) };
}
