/** Keeps the rows of a table where they are while somebody points at them. */

import { useRef } from "react";

/**
 * The items in the order of the moment when they began to be held: their values go on changing. An
 * item that is gone stays as it was last seen. Another `view` (page, filter, sorting) is a new start.
 */
export class HeldOrder<T> {
  #held: { view: string; ids: string[]; last: Map<string, T> } | null = null;

  constructor(private readonly idOf: (item: T) => string) {}

  order(
    items: readonly T[],
    options: { hold: boolean; view: string; find(id: string): T | undefined },
  ) {
    const { hold, view, find } = options;
    if (!hold || this.#held?.view !== view) {
      const ids = items.map(this.idOf);
      this.#held = { view, ids, last: new Map(items.map((item) => [this.idOf(item), item])) };
      return items;
    }
    const { ids, last } = this.#held;
    return ids.flatMap((id) => {
      const item = find(id) ?? last.get(id);
      if (item === undefined) return [];
      last.set(id, item);
      return [item];
    });
  }
}

/** A `HeldOrder` that lasts as long as the component. */
export function useHeldOrder<T>(idOf: (item: T) => string): HeldOrder<T> {
  const ref = useRef<HeldOrder<T>>(null);
  ref.current ??= new HeldOrder(idOf);
  return ref.current;
}
