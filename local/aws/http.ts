/** The one HTTP server of the runtime, and the little that its handlers share. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { LocalRuntimeError } from "./errors";

/** Answers a request and returns true, or leaves it to another. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * Listens on the loopback address.
 *
 * @param port 0 takes a free one
 * @throws LocalRuntimeError if the port is taken
 */
export async function listen(port: number): Promise<{ server: Server; port: number }> {
  const server = createServer();
  // Functions keep their connections; API Gateway's own idle limit is that of the WebSocket.
  server.keepAliveTimeout = 60_000;
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const problem =
      code === "EADDRINUSE"
        ? `Port ${port} is taken: end what uses it, or choose another with --port <number>`
        : `Cannot listen on port ${port}: ${message}`;
    throw new LocalRuntimeError(problem, { cause });
  }
  const address = server.address();
  return { server, port: typeof address === "object" && address ? address.port : port };
}

/** The body as text, or undefined if it is longer than `limit` bytes. */
export async function readBody(
  request: IncomingMessage,
  limit: number,
): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length <= limit) chunks.push(chunk as Buffer);
  }
  return length > limit ? undefined : Buffer.concat(chunks).toString();
}

/** Answers with JSON, or with nothing. */
export function respond(
  response: ServerResponse,
  status: number,
  body?: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
