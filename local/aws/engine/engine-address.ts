/**
 * Where the engine listens. It answers any web site (`access-control-allow-origin: *`) and can't be told not to: so it
 * gets a port to which no browser sends anything, whatever page asks it to. Who is meant to reach it does so through
 * the runtime's own port, which has a guard.
 */

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { LocalRuntimeError } from "../errors";

/**
 * Of the ports that browsers block (https://fetch.spec.whatwg.org/#port-blocking) those that need no privileges.
 * Exported for the test that holds a browser to it.
 */
export const BLOCKED_PORTS: readonly number[] = [
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669,
  6679, 6697, 10080,
];

/** Systems on which every 127.x.y.z is the machine's own: there nobody else uses the address, or guesses it. */
const WHOLE_LOOPBACK: readonly NodeJS.Platform[] = ["linux", "win32"];

export interface EngineAddress {
  host: string;
  port: number;
}

/**
 * An address that nobody listens on; somebody may, a moment later.
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
