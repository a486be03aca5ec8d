/** What to do next, at the end of an error's text. Pages do without. */

import { inBrowser } from "./platform/in-browser";

export const hint = (text: string): string => (inBrowser ? "" : `; ${text}`);
