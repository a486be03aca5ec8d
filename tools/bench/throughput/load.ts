/**
 * The load: many connections, with a fixed number of heartbeats waiting for an ack at any moment, or with so many
 * heartbeats a second whether they are answered or not; or connections that open and close.
 */

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import pLimit from "p-limit";
import { WebSocket } from "ws";
import { audienceOf, SUBPROTOCOL } from "../../../core/login-claims";
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
  /** Leaves out of the count what is refused, where a refusal otherwise fails the measurement. @default false */
  lenient?: boolean;
}

/** So many heartbeats a second for a time, in place of as many as are acknowledged. */
export interface OverloadOrder extends Omit<LoadOrder, "heartbeats" | "outstanding"> {
  perSecond: number;
  seconds: number;
}

export interface OverloadResult {
  sent: number;
  acked: number;
  /** Answers of the gateway or the service other than acks. */
  refused: number;
  p50Ms: number;
  p99Ms: number;
  /** From the end until a heartbeat on every connection was acknowledged; null if that took too long. */
  recoveredMs: number | null;
}

/** Each connection logs in, subscribes, sends one heartbeat and ends. */
export interface VisitsOrder extends Omit<LoadOrder, "heartbeats" | "lenient"> {
  visits: true;
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

/** How long every connection has to be acknowledged again after an overload. */
const PATIENCE_MS = 60_000;

process.on("disconnect", () => process.exit());

process.on("message", async ({ key, ...order }: LoadOrder | OverloadOrder | VisitsOrder) => {
  const signer = key && (await received(key));
  if ("visits" in order) {
    await visit({ ...order, connections: Math.ceil(order.connections / 5) }, signer);
    process.send?.(await visit(order, signer));
    return;
  }
  const sockets: WebSocket[] = [];
  const numbers = Array.from({ length: order.connections }, (_, index) => index);
  await pLimit(32).map(numbers, async (index) => {
    sockets.push(await connect(order.url, index, signer));
  });
  if ("perSecond" in order) {
    process.send?.(await overload(sockets, order));
    for (const socket of sockets) socket.terminate();
    return;
  }
  // An unmeasured round to warm up engine and JIT.
  await sendHeartbeats(sockets, { ...order, heartbeats: Math.ceil(order.heartbeats / 5) });
  const result = await sendHeartbeats(sockets, order);
  process.send?.(result);
  for (const socket of sockets) socket.terminate();
});

async function connect(url: string, index: number, key: TestKey | undefined): Promise<WebSocket> {
  const agentId = agentIdOf(index);
  const own = { iss: agentId, sub: agentId, jti: randomUUID() };
  const claims = loginClaims(audienceOf(url), Date.now(), own);
  const token = key ? [await signToken(key, claims)] : [];
  const socket = new WebSocket(url, [SUBPROTOCOL, ...token]);
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  return socket;
}

async function visit(
  { url, connections, outstanding }: VisitsOrder,
  key: TestKey | undefined,
): Promise<LoadResult> {
  const times: number[] = [];
  const began = performance.now();
  const numbers = Array.from({ length: connections }, (_, index) => index);
  await pLimit(outstanding).map(numbers, async (index) => {
    const at = performance.now();
    const socket = await connect(url, index, key);
    for (const message of [JSON.stringify({ type: "subscribe", subject: "own" }), HEARTBEAT]) {
      socket.send(message);
      await once(socket, "message");
    }
    socket.close();
    await once(socket, "close");
    times.push(performance.now() - at);
  });
  const seconds = (performance.now() - began) / 1000;
  return { perSecond: times.length / seconds, ...percentilesOf(times) };
}

async function sendHeartbeats(
  sockets: readonly WebSocket[],
  { heartbeats, outstanding, lenient = false }: Omit<LoadOrder, "url" | "key">,
): Promise<LoadResult> {
  const times: number[] = [];
  let sent = 0;
  const began = performance.now();
  // Each has sockets of its own, because the next message on a socket is taken for the answer.
  const workers = Math.min(outstanding, sockets.length);
  const worker = async (_: unknown, index: number) => {
    const own = sockets.filter((_, nth) => nth % workers === index);
    for (let nth = 0; sent < heartbeats; nth++) {
      sent += 1;
      const socket = own[nth % own.length] as WebSocket;
      const at = performance.now();
      const acked = await new Promise<boolean>((resolve, reject) => {
        socket.once("message", (data) => {
          const { type } = JSON.parse(String(data));
          if (type === "heartbeat_ack" || lenient) resolve(type === "heartbeat_ack");
          else reject(new Error(`expected an ack, got ${data}`));
        });
        socket.send(HEARTBEAT);
      });
      if (acked) times.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  const seconds = (performance.now() - began) / 1000;
  return { perSecond: times.length / seconds, ...percentilesOf(times) };
}

async function overload(
  sockets: readonly WebSocket[],
  { perSecond, seconds }: OverloadOrder,
): Promise<OverloadResult> {
  const EVERY_MS = 20;
  const sentAt = new Map<string, number>();
  const times: number[] = [];
  let [sent, refused] = [0, 0];
  let heard = () => {};
  for (const socket of sockets) {
    socket.on("message", (data) => {
      const { type, id } = JSON.parse(String(data));
      const at = sentAt.get(id);
      if (type !== "heartbeat_ack") refused += 1;
      else if (at !== undefined) times.push(performance.now() - at);
      sentAt.delete(id);
      heard();
    });
  }
  const send = (socket: WebSocket) => {
    const id = String(sent++);
    sentAt.set(id, performance.now());
    socket.send(JSON.stringify({ ...JSON.parse(HEARTBEAT), id }));
  };
  const began = performance.now();
  while (performance.now() - began < seconds * 1000) {
    const due = Math.floor(((performance.now() - began) / 1000) * perSecond);
    while (sent < due) send(sockets[sent % sockets.length] as WebSocket);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  const result = { sent, acked: times.length, refused, ...percentilesOf(times) };
  const ended = performance.now();
  // Again where it was refused, for what was sent before may still be under way.
  const missing = new Set(sockets);
  while (missing.size > 0 && performance.now() - ended < PATIENCE_MS) {
    const asked = [...missing].map((socket) => {
      const id = String(sent);
      send(socket);
      return { socket, id };
    });
    const retryAt = performance.now() + 1000;
    while (asked.some(({ id }) => sentAt.has(id)) && performance.now() < retryAt) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, EVERY_MS);
        heard = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    for (const { socket, id } of asked) if (!sentAt.has(id)) missing.delete(socket);
  }
  return { ...result, recoveredMs: missing.size > 0 ? null : performance.now() - ended };
}

function percentilesOf(times: readonly number[]): { p50Ms: number; p99Ms: number } {
  const { p50, p99 } = distributionOf(times);
  return { p50Ms: p50, p99Ms: p99 };
}
