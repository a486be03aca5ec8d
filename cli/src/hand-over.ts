/**
 * Hands an address with a secret in it to a browser: by a page on this machine that answers once. The
 * arguments of a browser's process can be read by everyone here, so the address is not among them.
 */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { CliError, EXIT } from "./failure";
import type { Io } from "./io";

/** A browser that starts from nothing takes some seconds. */
const PATIENCE_MS = 60_000;

/**
 * Opens `url` in the person's browser.
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
    response.writeHead(302, headers).end(() => server.emit("handed over"));
  });
  const waiting = new AbortController();
  try {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const handedOver = once(server, "handed over", { signal: waiting.signal });
    handedOver.catch(() => undefined);
    await browse(`http://127.0.0.1:${port}${path}`, io);
    const timeout = io.wait(PATIENCE_MS, AbortSignal.any([io.signal, waiting.signal]));
    if (await Promise.race([handedOver.then(() => false), timeout.then(() => true)])) {
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
