/**
 * The load: many connections, with a fixed number of heartbeats waiting for an ack at any moment.
 */

import pLimit from "p-limit";
import { WebSocket } from "ws";
import { audienceOf, SUBPROTOCOL } from "../../../core/protocol";
import { loginClaims, signToken, type TestKey } from "../../../testing/login";
import { distributionOf } from "../section";
import { agentIdOf, received, type SentKey } from "./agents";

export interface LoadOrder {
  url: string;
  /** The agents' key. Without one, the server accepts anybody. */
  key?: SentKey;
  connections: number;
  heartbeats: number;
  /** Heartbeats waiting for their ack at any moment. */
  outstanding: number;
}

export interface LoadResult {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

const HEARTBEAT = JSON.stringify({
  type: "heartbeat",
  activity: { state: "working", task: "tasks.process", inFlight: 1 },
});

process.on("message", async ({ key, ...order }: LoadOrder) => {
  const signer = key && (await received(key));
  const sockets: WebSocket[] = [];
  const numbers = Array.from({ length: order.connections }, (_, index) => index);
  await pLimit(32).map(numbers, async (index) => {
    sockets.push(await connect(order.url, index, signer));
  });
  // An unmeasured round to warm up engine and JIT.
  await sendHeartbeats(sockets, Math.ceil(order.heartbeats / 5), order.outstanding);
  const result = await sendHeartbeats(sockets, order.heartbeats, order.outstanding);
  process.send?.(result);
  for (const socket of sockets) socket.terminate();
});

async function connect(url: string, index: number, key: TestKey | undefined): Promise<WebSocket> {
  const agentId = agentIdOf(index);
  const claims = loginClaims(audienceOf(url), Date.now(), { iss: agentId, sub: agentId });
  const token = key ? [await signToken(key, claims)] : [];
  const socket = new WebSocket(url, [SUBPROTOCOL, ...token]);
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  return socket;
}

async function sendHeartbeats(
  sockets: readonly WebSocket[],
  heartbeats: number,
  outstanding: number,
): Promise<LoadResult> {
  const times: number[] = [];
  let sent = 0;
  const began = performance.now();
  const worker = async () => {
    while (sent < heartbeats) {
      const socket = sockets[sent++ % sockets.length] as WebSocket;
      const at = performance.now();
      await new Promise<void>((resolve, reject) => {
        socket.once("message", (data) => {
          const { type } = JSON.parse(String(data));
          if (type === "heartbeat_ack") resolve();
          else reject(new Error(`expected an ack, got ${data}`));
        });
        socket.send(HEARTBEAT);
      });
      times.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: outstanding }, worker));
  const seconds = (performance.now() - began) / 1000;
  const { p50, p99 } = distributionOf(times);
  return { perSecond: heartbeats / seconds, p50Ms: p50, p99Ms: p99 };
}
