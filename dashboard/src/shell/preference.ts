/** Choices that the browser remembers for whoever uses the page. */

import { useCallback, useState } from "react";

const PREFIX = "agent-heartbeat.";

/** Like `useState`, kept from one visit to the next. What was kept is laid over the default. */
export function usePreference<T>(name: string, standard: T): [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => kept(name, standard));
  const keep = useCallback(
    (next: T) => {
      setValue(next);
      try {
        localStorage.setItem(PREFIX + name, JSON.stringify(next));
      } catch {
        // A browser that keeps nothing: the choice holds for this visit.
      }
    },
    [name],
  );
  return [value, keep];
}

function kept<T>(name: string, standard: T): T {
  try {
    const text = localStorage.getItem(PREFIX + name);
    if (text === null) return standard;
    const value = JSON.parse(text);
    return typeof value === "object" && !Array.isArray(value) ? { ...standard, ...value } : value;
  } catch {
    return standard;
  }
}
