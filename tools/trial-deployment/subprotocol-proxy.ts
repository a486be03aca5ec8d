/**
 * A proxy in front of the emulator, which drops the subprotocol chosen by `$connect`. A client that
 * offered subprotocols must close a connection that was opened without one.
 */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { SUBPROTOCOL } from "../../core/login-claims";

const SWITCHED = Buffer.from("HTTP/1.1 101");
const END_OF_LINE = Buffer.from("\r\n");

export interface SubprotocolProxy {
  port: number;
  stop(): Promise<void>;
}

/** Listens on a free port and forwards everything to `targetPort` on this machine. */
export async function startSubprotocolProxy(targetPort: number): Promise<SubprotocolProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(targetPort, "127.0.0.1");
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      // A client that dies without a close frame must be detected, so a reset is forwarded as a
      // reset.
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.end();
      });
    }
    client.pipe(upstream);
    upstream.once("data", (first: Buffer) => {
      client.write(withSubprotocol(first));
      upstream.pipe(client);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** The beginning of a response, with the subprotocol added if it opens a WebSocket. */
function withSubprotocol(answer: Buffer): Buffer {
  const end = answer.indexOf(END_OF_LINE);
  if (!answer.subarray(0, SWITCHED.length).equals(SWITCHED) || end < 0) return answer;
  const header = Buffer.from(`\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL}`);
  return Buffer.concat([answer.subarray(0, end), header, answer.subarray(end)]);
}
