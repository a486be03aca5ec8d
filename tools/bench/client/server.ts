/**
 * The server that the clients connect to: a fake of our gateway, and the minimum a NATS client
 * needs. Reports the bytes on the wire.
 */

import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { WebSocketServer } from "ws";
import { SUBPROTOCOL } from "../../../core/login-claims";

/** Bytes of all connections: handshakes, and frames with headers, without TLS and TCP overhead. */
export interface Wire {
  up: number;
  down: number;
  /** Answered heartbeats or pings. */
  exchanges: number;
}

const open = new Set<Socket>();
const ended: Wire = { up: 0, down: 0, exchanges: 0 };

function watch(socket: Socket): void {
  open.add(socket);
  socket.on("error", () => {});
  socket.on("close", () => {
    open.delete(socket);
    ended.up += socket.bytesRead;
    ended.down += socket.bytesWritten;
  });
}

/** Any HTTP request is answered with the counts so far. */
const http = createHttpServer((_, response) => {
  const wire = { ...ended };
  for (const { bytesRead, bytesWritten } of open) {
    wire.up += bytesRead;
    wire.down += bytesWritten;
  }
  response.end(JSON.stringify(wire satisfies Wire));
});
const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => SUBPROTOCOL });
http.on("upgrade", (request, socket, head) => {
  watch(socket as Socket);
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    webSocket.on("message", () => {
      const serverTime = Date.now();
      const ack = { type: "heartbeat_ack", serverTime, leaseExpiresAt: serverTime + 90_000 };
      webSocket.send(JSON.stringify(ack));
      ended.exchanges += 1;
    });
  });
});

const nats = createServer((socket) => {
  watch(socket);
  const info = { server_id: "bench", version: "2.10.0", proto: 1, max_payload: 1_048_576 };
  socket.write(`INFO ${JSON.stringify(info)}\r\n`);
  socket.on("data", (data) => {
    const pings = String(data).split("PING\r\n").length - 1;
    if (pings > 0) socket.write("PONG\r\n".repeat(pings));
    ended.exchanges += pings;
  });
});

process.send?.({ gateway: await listen(http), nats: await listen(nats) });
process.on("disconnect", () => process.exit());

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1", 4096);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
