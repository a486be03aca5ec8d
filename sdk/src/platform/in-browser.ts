/** Which build this is. A page's client is small, and does without what a browser does not let it do. */

/** Set where the SDK is built for browsers. */
declare const IN_BROWSER: true | undefined;

/** In browsers, scripts can't read how a handshake was refused, connections have no thread of their own, and there is no terminal. */
export const inBrowser = typeof IN_BROWSER !== "undefined";
