/** Responses to handshakes that are refused. */

import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

const MESSAGES: Record<number, string> = {
  500: "Internal server error",
  502: "Internal server error",
};

/** Responds to an upgrade request with a status, and closes its socket. */
export function refuseUpgrade(
  socket: Duplex,
  status: number,
  ids: { connectionId: string; requestId: string },
  headers: Record<string, string> = {},
): void {
  const message = MESSAGES[status] ?? STATUS_CODES[status] ?? "Error";
  const body = JSON.stringify({ message, ...ids });
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    `Date: ${new Date().toUTCString()}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}
