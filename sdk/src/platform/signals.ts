/** Hears the process's signals for all agents in it, with one listener each. */

const callbacks = new Map<NodeJS.Signals, { listener: () => void; callbacks: Set<() => void> }>();

/** @returns a function that takes the callback away; without callbacks a signal acts as it always does */
export function onSignals(signals: readonly NodeJS.Signals[], callback: () => void): () => void {
  // A function of its own, so that each call is taken away by itself.
  const entry = () => callback();
  for (const signal of signals) {
    let heard = callbacks.get(signal);
    if (!heard) {
      const all = new Set<() => void>();
      heard = { callbacks: all, listener: () => [...all].forEach((each) => void each()) };
      callbacks.set(signal, heard);
      process.on(signal, heard.listener);
    }
    heard.callbacks.add(entry);
  }
  return () => {
    for (const signal of signals) {
      const heard = callbacks.get(signal);
      if (!heard?.callbacks.delete(entry) || heard.callbacks.size > 0) continue;
      process.off(signal, heard.listener);
      callbacks.delete(signal);
    }
  };
}
