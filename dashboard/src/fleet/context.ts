/** React context through which views read the fleet. */

import { createContext, useContext, useSyncExternalStore } from "react";
import type { FleetSnapshot, FleetStore } from "./fleet-store";

export const FleetContext = createContext<FleetStore | null>(null);

export function useStore(): FleetStore {
  const store = useContext(FleetContext);
  if (!store) throw new Error("expected a FleetContext around the view, got none");
  return store;
}

/** The current snapshot. The component re-renders when it changes. */
export function useFleet(): FleetSnapshot {
  const { subscribe, getSnapshot } = useStore();
  return useSyncExternalStore(subscribe, getSnapshot);
}
