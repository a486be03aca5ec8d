/**
 * Opens an address that contains a secret in a browser: the browser gets the address of a local page, which redirects once.
 * Everyone on this machine can read the arguments of a browser's process, so the secret must not be among them.
 */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { CliError, EXIT } from "../failure";
import type { Io } from "../io";

/** A browser may take seconds to start. */
const BROWSER_START_MS = 60_000;

/**
 * Opens `url` in the user's browser.
 *
 * @throws CliError if there is no browser, or it does not ask for the address
 */
export async function openInBrowser(url: string, io: Io): Promise<void> {
  const path = `/${randomBytes(16).toString("base64url")}`;
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url !== path) {
      response.writeHead(404).end();
      return;
    }
    const headers = { Location: url, "Cache-Control": "no-store", Connection: "close" };
    response.writeHead(302, headers).end(() => server.emit("redirected"));
  });
  const waiting = new AbortController();
  try {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const redirected = once(server, "redirected", { signal: waiting.signal });
    redirected.catch(() => undefined);
    await browse(`http://127.0.0.1:${port}${path}`, io);
    const timeout = io.wait(BROWSER_START_MS, AbortSignal.any([io.signal, waiting.signal]));
    if (await Promise.race([redirected.then(() => false), timeout.then(() => true)])) {
      throw noBrowser();
    }
  } finally {
    waiting.abort();
    server.close();
    server.closeAllConnections();
  }
}

async function browse(url: string, io: Io): Promise<void> {
  try {
    await io.browse(url);
  } catch (cause) {
    throw noBrowser(cause);
  }
}

function noBrowser(cause?: unknown): CliError {
  return new CliError(
    "No browser opened the dashboard.",
    EXIT.failure,
    "`dashboard --no-open` prints its address instead.",
    { cause },
  );
}
