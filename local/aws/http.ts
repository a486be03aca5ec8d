/** The HTTP server of the runtime, and helpers for its handlers. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createNetServer, type Server as NetServer } from "node:net";
import { LocalRuntimeError } from "./errors";

/** Handles a request and returns true, or returns false to leave it to the next handler. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/** The loopback addresses of IPv4 and IPv6. */
export const LOOPBACK_ADDRESSES = ["127.0.0.1", "::1"] as const;

export interface Listening {
  server: Server;
  /** The same on every address. */
  port: number;
  /** Listens on a further address. Rejects if it is not available. */
  add(address: string): Promise<void>;
  /** Ends every connection and stops listening. */
  close(): void;
}

/** How many ports to try if one is free on the first address only. */
const ATTEMPTS = 10;

/**
 * Listens on several addresses with one server.
 *
 * @param port 0 for a free one
 * @param addresses loopback addresses after the first are skipped if the machine does not have them
 * @throws LocalRuntimeError if the port is in use, or an address does not belong to this machine
 */
export async function listen(
  port: number,
  addresses: readonly [string, ...string[]] = ["127.0.0.1"],
): Promise<Listening> {
  const [first, ...more] = addresses;
  for (let attempt = 1; ; attempt++) {
    const listening = await listenAt(port, first);
    try {
      for (const address of more) await listening.add(address).catch(unlessMissing(address));
      return listening;
    } catch (error) {
      listening.close();
      const again = codeOf(error) === "EADDRINUSE" && port === 0 && attempt < ATTEMPTS;
      if (!again) throw problemOf(error, listening.port);
    }
  }
}

async function listenAt(port: number, address: string): Promise<Listening> {
  const server = createServer();
  const others: NetServer[] = [];
  // Functions keep their connections open.
  server.keepAliveTimeout = 60_000;
  server.listen({ port, host: address });
  try {
    await once(server, "listening");
  } catch (error) {
    throw problemOf(error, port);
  }
  const bound = server.address();
  const ownPort = typeof bound === "object" && bound ? bound.port : port;
  let closed = false;
  return {
    server,
    port: ownPort,
    async add(further) {
      // A server can listen on one address only, so further ones pass their connections to the first.
      const other = createNetServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
        server.emit("connection", socket),
      );
      other.listen({ port: ownPort, host: further, ipv6Only: further.includes(":") });
      await once(other, "listening");
      if (closed) other.close();
      else others.push(other);
    },
    close() {
      closed = true;
      for (const other of others) other.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

const unlessMissing = (address: string) => (error: unknown) => {
  const missing = ["EADDRNOTAVAIL", "EAFNOSUPPORT"].includes(codeOf(error) ?? "");
  if (!missing || !LOOPBACK_ADDRESSES.some((own) => own === address)) throw error;
};

function problemOf(cause: unknown, port: number): LocalRuntimeError {
  if (cause instanceof LocalRuntimeError) return cause;
  const problem =
    codeOf(cause) === "EADDRINUSE"
      ? `Port ${port} is in use: stop the process that uses it, or choose another port with --port <number>`
      : `Cannot listen on port ${port}: ${(cause as Error).message}`;
  return new LocalRuntimeError(problem, { cause });
}

/** The body as text, or undefined if it is longer than `limit` bytes. */
export const readBody = async (
  request: IncomingMessage,
  limit: number,
): Promise<string | undefined> => (await readBytes(request, limit))?.toString();

/** As `readBody`, in bytes. */
export async function readBytes(
  request: IncomingMessage,
  limit: number,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length <= limit) chunks.push(chunk as Buffer);
  }
  return length > limit ? undefined : Buffer.concat(chunks);
}

/** Responds with JSON, or without a body. */
export function respond(
  response: ServerResponse,
  status: number,
  body?: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
