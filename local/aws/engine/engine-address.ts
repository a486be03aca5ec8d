/**
 * The address of the engine. It accepts requests from any web site (`access-control-allow-origin: *`), which can't be turned
 * off. So it listens on a port that browsers block. Other clients use the runtime's own port, which has a guard.
 */

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { LocalRuntimeError } from "../errors";

/**
 * Ports that browsers block (https://fetch.spec.whatwg.org/#port-blocking), except privileged ones. Exported for a test that
 * compares them with a browser.
 */
export const BLOCKED_PORTS: readonly number[] = [
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669,
  6679, 6697, 10080,
];

/** Systems on which every 127.x.y.z is a loopback address, so that the engine can use a random one. */
const WHOLE_LOOPBACK: readonly NodeJS.Platform[] = ["linux", "win32"];

export interface EngineAddress {
  host: string;
  port: number;
}

/**
 * An address that is not in use. Another process may take it later.
 *
 * @throws LocalRuntimeError if there is none
 */
export async function engineAddress(): Promise<EngineAddress> {
  const host = WHOLE_LOOPBACK.includes(process.platform)
    ? `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`
    : "127.0.0.1";
  const start = randomInt(BLOCKED_PORTS.length);
  for (const port of [...BLOCKED_PORTS.slice(start), ...BLOCKED_PORTS.slice(0, start)]) {
    if (await isFree(host, port)) return { host, port };
  }
  throw new LocalRuntimeError(
    `The DynamoDB engine: expected a free port among ${BLOCKED_PORTS.join(", ")}, to which no browser sends, got none`,
  );
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer().listen(port, host);
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
