/** What the clients connect to: our gateway's stand-in, and the least that a NATS client needs. */

import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { Gateway } from "../../test/support/gateway";

const gateway = await Gateway.start();

const nats = createServer((socket) => {
  const info = { server_id: "bench", version: "2.10.0", proto: 1, max_payload: 1_048_576 };
  socket.write(`INFO ${JSON.stringify(info)}\r\n`);
  socket.on("data", (data) => String(data).includes("PING\r\n") && socket.write("PONG\r\n"));
  socket.on("error", () => {});
});
nats.listen(0, "127.0.0.1");
await once(nats, "listening");

process.send?.({ gateway: gateway.port, nats: (nats.address() as AddressInfo).port });
