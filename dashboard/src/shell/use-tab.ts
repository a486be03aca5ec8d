/** Keeps the title and icon of the browser tab up to date. */

import { useEffect } from "react";
import { iconOf, type TabState, titleOf } from "./tab";

export function useTab(state: TabState): void {
  const [title, icon] = [titleOf(state), iconOf(state)];
  useEffect(() => {
    document.title = title;
  }, [title]);
  useEffect(() => {
    document.querySelector('link[rel="icon"]')?.setAttribute("href", icon);
  }, [icon]);
}
