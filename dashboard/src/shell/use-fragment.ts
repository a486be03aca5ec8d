/** The fragment of the page's address. */

import { useSyncExternalStore } from "react";

export function useFragment(): string {
  return useSyncExternalStore(
    (listener) => {
      window.addEventListener("hashchange", listener);
      return () => window.removeEventListener("hashchange", listener);
    },
    () => location.hash,
  );
}
