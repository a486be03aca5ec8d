/** Preferences stored in the browser. */

import { useCallback, useState } from "react";

const PREFIX = "agent-heartbeat.";

/** Like `useState`, but stored across visits. A stored object is merged into the default. */
export function usePreference<T>(name: string, defaultValue: T): [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => readStored(name, defaultValue));
  const store = useCallback(
    (next: T) => {
      setValue(next);
      try {
        localStorage.setItem(PREFIX + name, JSON.stringify(next));
      } catch {
        // Storage is unavailable: the choice lasts for this visit.
      }
    },
    [name],
  );
  return [value, store];
}

function readStored<T>(name: string, defaultValue: T): T {
  try {
    const text = localStorage.getItem(PREFIX + name);
    if (text === null) return defaultValue;
    const value = JSON.parse(text);
    return typeof value === "object" && !Array.isArray(value)
      ? { ...defaultValue, ...value }
      : value;
  } catch {
    return defaultValue;
  }
}
