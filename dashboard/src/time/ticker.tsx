/** Text that follows the clock. Each such text re-renders alone. */

import { createContext, useContext, useSyncExternalStore } from "react";

/** A clock that notifies its subscribers as time passes. */
export interface Ticker {
  now(): number;
  subscribe(listener: () => void): () => void;
}

const TICK_MS = 1000;

/** Shares one timer among all subscribers. It stops while there are none. */
export function createTicker(now: () => number): Ticker {
  const listeners = new Set<() => void>();
  let timer: number | undefined;
  const tick = () => {
    for (const listener of listeners) listener();
  };
  return {
    now,
    subscribe(listener) {
      listeners.add(listener);
      timer ??= window.setInterval(tick, TICK_MS);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        window.clearInterval(timer);
        timer = undefined;
      };
    },
  };
}

export const TickerContext = createContext<Ticker>(createTicker(() => Date.now()));

/** The server's time, rounded down to whole steps. The component re-renders at each step. */
export function useNow(stepMs: number = TICK_MS): number {
  const { now, subscribe } = useContext(TickerContext);
  return useSyncExternalStore(subscribe, () => Math.floor(now() / stepMs) * stepMs);
}

export function Ticking({ text }: { text: (now: number) => string }) {
  return <>{text(useNow())}</>;
}
