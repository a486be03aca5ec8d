/** Serves metrics over HTTP, from a watcher that is replaced before its registration ends. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Deployment } from "../deployment/deployment";
import { type LiveFleet, watchFleet } from "../events/live-fleet";
import { CliError, EXIT } from "../failure";
import type { Io } from "../io";
import { aborted } from "../terminal/aborted";
import { FleetMetrics } from "./fleet-metrics";

export interface ExporterOptions {
  host: string;
  /** 0: any free port. */
  port: number;
  perAgent: boolean;
}

const HOUR_MS = 3_600_000;
const LIFETIME_MS = 24 * HOUR_MS;
/** Where a new viewer can't be registered, there is time for many attempts. */
const RENEW_AFTER_MS = 12 * HOUR_MS;
const RETRY_MS = 60_000;

/** Exports until the command is interrupted. @param listening called with the address once it can be scraped */
export async function exportMetrics(
  deployment: Deployment,
  { host, port, perAgent }: ExporterOptions,
  listening: (address: string) => void,
  io: Io,
): Promise<void> {
  const viewer = { lifetimeMs: LIFETIME_MS, description: "`metrics` of the command line" };
  const first = await watchFleet(deployment, viewer, io);
  if (!first) return;
  let fleet = first;
  const { organizationId } = deployment;
  const metrics = new FleetMetrics({ organizationId, perAgent, fleet: () => fleet.watcher });
  const follow = ({ watcher }: LiveFleet) =>
    watcher.on("change", (change) => metrics.countTransition(change));
  follow(fleet);
  const server = createServer((request, response) => void answer(request, response));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://exporter");
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (!isRead)
      return end(response, 405, "Only GET and HEAD are allowed.\n", { allow: "GET, HEAD" });
    if (pathname === "/metrics") {
      const type = { "content-type": metrics.registry.contentType };
      return end(response, 200, await metrics.registry.metrics(), type);
    }
    if (pathname !== "/healthz") return end(response, 404, "Try /metrics.\n");
    const { state } = fleet.watcher;
    end(response, state === "live" ? 200 : 503, `${state}\n`);
  }

  try {
    await listen();
    listening(addressOf(host, (server.address() as { port: number }).port));
    await Promise.race([aborted(io.signal), renew()]);
  } finally {
    server.close();
    server.closeAllConnections();
    await fleet.stop();
  }

  function listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      server.once("error", ({ code, message }: NodeJS.ErrnoException) =>
        reject(
          code === "EADDRINUSE"
            ? new CliError(`Port ${port} is in use.`, EXIT.failure, "Name another with --port.")
            : new CliError(`Can't listen on ${addressOf(host, port)}: ${message}`, EXIT.failure),
        ),
      );
      server.listen(port, host, resolve);
    });
  }

  /** Replaces the watcher again and again. The next one is there before the last one goes. */
  async function renew(): Promise<void> {
    for (let waitMs = RENEW_AFTER_MS; ; ) {
      await io.wait(waitMs, io.signal);
      if (io.signal.aborted) return;
      try {
        const next = await watchFleet(deployment, viewer, io);
        if (!next) return;
        const last = fleet;
        follow(next);
        fleet = next;
        await last.stop();
        waitMs = RENEW_AFTER_MS;
      } catch (error) {
        io.stderr.write(`agent-heartbeat: no new viewer could be registered: ${String(error)}\n`);
        waitMs = RETRY_MS;
      }
    }
  }
}

function end(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers }).end(text);
}

const addressOf = (host: string, port: number) =>
  `http://${host.includes(":") ? `[${host}]` : host}:${port}/metrics`;
