/** What to do next, at the end of an error's text. Pages do without: they have no terminal, and have to be small. */

/** Set where the SDK is built for browsers. */
declare const IN_BROWSER: true | undefined;

export const hasHints = typeof IN_BROWSER === "undefined";

export const hint = (text: string): string => (hasHints ? `; ${text}` : "");
