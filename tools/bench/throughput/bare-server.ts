/** The upper bound: a WebSocket server that only writes the same item to the same engine. */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { SUBPROTOCOL } from "../../../core/login-claims";
import { LeaseStore } from "../../../lambda/lease/store";
import { clientOf, startEngine } from "../../../testing/engine";
import { holder } from "../../../testing/presence";
import { agentIdOf } from "./agents";

async function main(): Promise<void> {
  const engine = await startEngine();
  const client = clientOf(engine.endpoint);
  const leases = new LeaseStore({
    client,
    tableName: engine.statusTableName,
    retentionMs: 86_400_000,
  });
  const server = new WebSocketServer({
    port: 0,
    host: "127.0.0.1",
    handleProtocols: () => SUBPROTOCOL,
  });
  let connections = 0;
  server.on("connection", (socket) => {
    const index = connections++;
    const agent = holder({
      agentId: agentIdOf(index),
      connectionId: `C${index}=`,
      connectedAt: Date.now(),
    });
    socket.on("message", async (data) => {
      const { activity } = JSON.parse(String(data));
      const now = Date.now();
      await leases.renew(agent, now, activity);
      const ack = { type: "heartbeat_ack", serverTime: now, leaseExpiresAt: now + agent.leaseMs };
      socket.send(JSON.stringify(ack));
    });
  });
  await once(server, "listening");
  process.send?.({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/prod` });
  process.on("disconnect", async () => {
    for (const socket of server.clients) socket.terminate();
    server.close();
    client.destroy();
    await engine.stop();
  });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
