/** The hostile tenant: with valid keys it does all that it can think of, at once, until its channel is closed. */

import { randomUUID } from "node:crypto";
import { setPriority } from "node:os";
import { WebSocket } from "ws";
import { audienceOf, SUBPROTOCOL } from "../../../core/login-claims";
import { loginClaims, signToken, type TestKey } from "../../../testing/login";
import { received } from "../../bench/throughput/agents";
import { httpRequests } from "./http";
import {
  FLOODS,
  type Flood,
  HOSTILE_ORGANIZATION,
  type HostileOrder,
  HTTP_FLOODS,
  nameOf,
  SILENT_COME_WITHIN_MS,
  SILENT_FOR_MS,
} from "./orders";

const VIEWER_CONNECTIONS = 12;
const EVERY_MS = 20;
const PAUSE_MS = 500;
/** As much as a socket may hold back: a real client's memory ends too. */
const MOST_BUFFERED = 4 * 1024 * 1024;
/** As many requests of a kind as are under way at once. */
const MOST_UNDER_WAY = 64;

const counts = { sent: 0, served: 0, refused: 0, closed: 0 };
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

// It runs on the machine that it attacks. The CPU time of the attack itself must not affect the results.
setPriority(19);

const MESSAGES: Record<Flood, (index: number) => string> = {
  list: (index) =>
    JSON.stringify({
      type: "list",
      profiles: true,
      ...(index % 2 === 0 && { status: "offline" }),
    }),
  history: (index) => JSON.stringify({ type: "history", agentId: nameOf.silent(index % 50) }),
  publish: (index) =>
    JSON.stringify({ type: "publish", subject: `noise.${index % 10}`, data: "x".repeat(2000) }),
  subscribe: (index) =>
    JSON.stringify({
      type: index % 3 === 2 ? "unsubscribe" : "subscribe",
      subject: `own.${index % 200}.>`,
    }),
  garbage: (index) =>
    [
      "",
      "no json",
      '{"type":"nothing"}',
      "[".repeat(5000),
      JSON.stringify({ type: "publish", subject: "x".repeat(20_000) }),
      '{"type":"heartbeat","activity":{"state":7}}',
    ][index % 6] as string,
  heartbeat: () => JSON.stringify({ type: "heartbeat" }),
};

process.on("disconnect", () => process.exit());
process.on("message", (message: HostileOrder | { stop: true }) => {
  if ("stop" in message) process.send?.(counts);
  else void received(message.key).then((key) => attack(message, key));
});

function attack({ url, httpUrl, attack }: HostileOrder, key: TestKey): void {
  const { messages, requests, logins, forgedLogins, silent } = attack;
  const open = (agentId: string) => connect(url, key, agentId);
  for (const flood of FLOODS) {
    void forever(() => sendFlood(flood, messages[flood], open(nameOf.flood(flood))));
  }
  const httpFloods = httpRequests(httpUrl, key);
  for (const flood of HTTP_FLOODS) repeatWithin(requests[flood], () => request(httpFloods[flood]));
  for (let index = 0; index < VIEWER_CONNECTIONS; index++)
    void forever(() => view(open(nameOf.viewer)));
  repeat(logins, () => void flap(open(nameOf.flapping)));
  repeat(forgedLogins, () => void forge(url));
  const comeAndFallSilent = async (index: number) => {
    await pause((index / silent) * SILENT_COME_WITHIN_MS);
    return open(nameOf.silent(index));
  };
  void forever(() =>
    fallSilent(Array.from({ length: silent }, (_, index) => comeAndFallSilent(index))),
  );
  process.send?.({ begun: true });
}

async function connect(url: string, key: TestKey, agentId: string): Promise<WebSocket> {
  const claims = loginClaims(audienceOf(url), Date.now(), {
    iss: agentId,
    sub: agentId,
    org: HOSTILE_ORGANIZATION,
    jti: randomUUID(),
    instance_id: randomUUID(),
    heartbeat_interval: 2,
    heartbeat_timeout: 6,
  });
  return login(url, await signToken(key, claims));
}

async function login(url: string, token: string): Promise<WebSocket> {
  counts.sent += 1;
  const socket = new WebSocket(url, [SUBPROTOCOL, token]);
  socket.on("error", () => {});
  socket.on("close", () => {
    counts.closed += 1;
  });
  socket.on("message", (data) => {
    const { type } = parsed(String(data));
    if (type === undefined || type === "error") counts.refused += 1;
    else counts.served += 1;
  });
  const opened = await new Promise<boolean>((resolve) => {
    socket.once("open", () => resolve(true));
    socket.once("error", () => resolve(false));
  });
  if (!opened) {
    counts.refused += 1;
    throw new Error("refused");
  }
  return socket;
}

function parsed(text: string): { type?: string } {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

async function sendFlood(
  flood: Flood,
  perSecond: number,
  opening: Promise<WebSocket>,
): Promise<void> {
  const socket = await opening;
  const began = performance.now();
  for (let index = 0; socket.readyState === WebSocket.OPEN; await pause(EVERY_MS)) {
    const due = Math.floor(((performance.now() - began) / 1000) * perSecond);
    for (; index < due && socket.bufferedAmount < MOST_BUFFERED; index++) {
      socket.send(MESSAGES[flood](index));
      counts.sent += 1;
    }
    index = Math.max(index, due);
  }
}

async function request(send: () => Promise<Response>): Promise<void> {
  counts.sent += 1;
  const isServed = await send().then(
    async (response) => {
      await response.arrayBuffer();
      return response.ok;
    },
    () => false,
  );
  if (isServed) counts.served += 1;
  else counts.refused += 1;
}

async function view(opening: Promise<WebSocket>): Promise<void> {
  const socket = await opening;
  for (const subject of [">", "presence.>", "noise.*"]) {
    socket.send(JSON.stringify({ type: "subscribe", subject }));
    counts.sent += 1;
  }
  await new Promise((resolve) => socket.once("close", resolve));
}

async function flap(opening: Promise<WebSocket>): Promise<void> {
  const socket = await opening.catch(() => undefined);
  socket?.send(MESSAGES.heartbeat(0));
  socket?.terminate();
}

async function forge(url: string): Promise<void> {
  await login(url, `a.${randomUUID()}.c`).catch(() => undefined);
}

/** Opens all, sends one heartbeat on each, and then stays silent without closing. */
async function fallSilent(opening: Promise<WebSocket>[]): Promise<void> {
  const sockets = (await Promise.all(opening.map((one) => one.catch(() => undefined)))).filter(
    (socket) => socket !== undefined,
  );
  for (const socket of sockets) socket.send(MESSAGES.heartbeat(0));
  counts.sent += sockets.length;
  await pause(SILENT_FOR_MS);
  for (const socket of sockets) socket.terminate();
}

async function forever(attempt: () => Promise<void>): Promise<void> {
  for (;;) {
    await attempt().catch(() => undefined);
    await pause(PAUSE_MS);
  }
}

/** Skips operations while too many are in flight. */
function repeatWithin(perSecond: number, act: () => Promise<void>): void {
  let underWay = 0;
  repeat(perSecond, () => {
    if (underWay === MOST_UNDER_WAY) return;
    underWay += 1;
    void act().finally(() => {
      underWay -= 1;
    });
  });
}

function repeat(perSecond: number, act: () => void): void {
  setInterval(act, 1000 / perSecond);
}
