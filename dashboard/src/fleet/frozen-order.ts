/** Keeps the order of table rows while the user points at them. */

import { useRef } from "react";

/**
 * While frozen, items keep the order they had when the freeze began, with current values. An item
 * that has disappeared stays as last seen. A different `view` (page, filter or sorting) starts
 * over.
 */
export class FrozenOrder<T> {
  #frozen: { view: string; ids: string[]; last: Map<string, T> } | null = null;

  constructor(private readonly idOf: (item: T) => string) {}

  order(
    items: readonly T[],
    options: { freeze: boolean; view: string; find(id: string): T | undefined },
  ) {
    const { freeze, view, find } = options;
    if (!freeze || this.#frozen?.view !== view) {
      const ids = items.map(this.idOf);
      this.#frozen = { view, ids, last: new Map(items.map((item) => [this.idOf(item), item])) };
      return items;
    }
    const { ids, last } = this.#frozen;
    return ids.flatMap((id) => {
      const item = find(id) ?? last.get(id);
      if (item === undefined) return [];
      last.set(id, item);
      return [item];
    });
  }
}

/** A `FrozenOrder` that lives as long as the component. */
export function useFrozenOrder<T>(idOf: (item: T) => string): FrozenOrder<T> {
  const ref = useRef<FrozenOrder<T>>(null);
  ref.current ??= new FrozenOrder(idOf);
  return ref.current;
}
