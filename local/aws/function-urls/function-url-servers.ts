/** The servers of function URLs: each has its own port, because a function answers every path. */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../clock";
import type { Backends } from "../gateway/integration";
import { type Guard, serveGuarded } from "../guard";
import { type Listening, listen } from "../http";
import type { FunctionUrlDescription } from "../resources/function-url";
import { serveFunctionUrl } from "./serve-function-url";

/** The ports of function URLs: this much above the gateway's. */
const PORTS_ABOVE = 1000;

export interface ServeOptions extends Backends {
  guard: Guard;
  clock: Clock;
  report(problem: string): void;
}

export class FunctionUrlServers {
  private constructor(private readonly servers: ReadonlyMap<string, Listening>) {}

  /**
   * Listens for each function URL of a template.
   *
   * @param gatewayPort 0 for free ports
   */
  static async listen(
    logicalIds: readonly string[],
    gatewayPort: number,
    addresses: [string, ...string[]],
  ): Promise<FunctionUrlServers> {
    const servers = new Map<string, Listening>();
    for (const [index, logicalId] of logicalIds.entries()) {
      const port = gatewayPort === 0 ? 0 : gatewayPort + PORTS_ABOVE + index;
      servers.set(logicalId, await listenAtOrNear(port, addresses));
    }
    return new FunctionUrlServers(servers);
  }

  /** `host:port` of each, by logical id. */
  get hosts(): ReadonlyMap<string, string> {
    return new Map([...this.servers].map(([id, { port }]) => [id, `127.0.0.1:${port}`]));
  }

  /** Serves the functions. Of a URL that was left out, nothing listens any more. */
  serve(
    urls: readonly FunctionUrlDescription[],
    { guard, clock, report, functionOf }: ServeOptions,
  ): void {
    for (const [logicalId, listening] of this.servers) {
      const url = urls.find((one) => one.logicalId === logicalId);
      if (!url) {
        listening.close();
        continue;
      }
      const target = functionOf(url.functionArn);
      const answer = serveFunctionUrl({ urlId: url.urlId, target, clock, report });
      serveGuarded(listening.server, guard, answer, refuseUpgrade);
    }
  }

  /** Listens on a further address. Rejects if it is not available. */
  add = async (address: string): Promise<void> => {
    await Promise.all([...this.servers.values()].map((one) => one.add(address)));
  };

  close(): void {
    for (const listening of this.servers.values()) listening.close();
  }
}

/** Listens on a port, or on a free one if it is in use. */
async function listenAtOrNear(port: number, addresses: [string, ...string[]]): Promise<Listening> {
  if (port > 0 && port < 65_536) {
    const listening = await listen(port, addresses).catch(() => undefined);
    if (listening) return listening;
  }
  return listen(0, addresses);
}

/** A function URL accepts no WebSockets. */
const refuseUpgrade = (_: IncomingMessage, socket: Duplex): void => {
  socket.on("error", () => socket.destroy());
  socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
};
