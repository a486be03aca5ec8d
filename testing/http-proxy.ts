/** An HTTP proxy for tests: it connects every name to one port of this machine, and refuses on request. */

import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

export interface HttpProxy {
  /** With a user name and password, if they are asked for. */
  url: string;
  /** What was asked for, as `name:port`, with the answer. */
  asked: [string, number][];
  close(): Promise<void>;
}

/** @param answer the status of the answer to a request for a tunnel; null closes without an answer */
export async function startHttpProxy(
  port: number,
  answer: (request: IncomingMessage) => number | null = () => 200,
): Promise<HttpProxy> {
  const asked: HttpProxy["asked"] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_, response) => response.writeHead(501).end());
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("connect", (request, socket) => {
    const status = answer(request);
    asked.push([request.url ?? "", status ?? 0]);
    socket.on("error", () => {});
    if (status === null) return void socket.destroy();
    if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const target = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      target.pipe(socket).pipe(target);
    });
    sockets.add(target);
    target.on("error", () => socket.destroy());
    target.on("close", () => socket.destroy());
    socket.on("close", () => target.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
