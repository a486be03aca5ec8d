/** Text that follows the clock: each such text is drawn anew by itself, and nothing around it. */

import { createContext, useContext, useSyncExternalStore } from "react";

/** Tells the time, and tells when it has gone on. */
export interface Ticker {
  now(): number;
  subscribe(listener: () => void): () => void;
}

const TICK_MS = 1000;

/** One timer for all that tick, which rests while nothing does. */
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

/** The time by the server's clock, in whole steps: the component is drawn anew at each. */
export function useNow(stepMs: number = TICK_MS): number {
  const { now, subscribe } = useContext(TickerContext);
  return useSyncExternalStore(subscribe, () => Math.floor(now() / stepMs) * stepMs);
}

export function Ticking({ text }: { text: (now: number) => string }) {
  return <>{text(useNow())}</>;
}
