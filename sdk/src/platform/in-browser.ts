/** Which build this is. A page's client is small, and does without what a browser does not let it do. */

/** Set where the SDK is built for browsers. */
declare const IN_BROWSER: true | undefined;

/** There, no script hears how a handshake was refused, connections have no thread of their own, and nobody reads a terminal. */
export const inBrowser = typeof IN_BROWSER !== "undefined";
