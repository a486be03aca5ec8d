/** Opens a page in the user's browser, if there is one. */

import { once } from "node:events";

/**
 * Resolves when the browser has been started.
 *
 * @param failed called if there is none, possibly after this has resolved
 */
export async function openBrowser(url: string, failed: (reason: string) => void): Promise<void> {
  const nobody = () => failed(`No browser opened the page: open ${url} yourself`);
  try {
    const { default: open } = await import("open");
    const opener = await open(url);
    once(opener, "exit").then(([code]) => code !== 0 && nobody(), nobody);
  } catch {
    nobody();
  }
}
