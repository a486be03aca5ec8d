/** The compared clients: how each connects and sends a heartbeat, or its closest equivalent. */

import { generateKeyPairSync } from "node:crypto";
import { HeartbeatAgent } from "@agent-heartbeat/sdk";
import { connect } from "@nats-io/transport-node";
import { WebSocket as PartySocket } from "partysocket";
import { WebSocket } from "ws";

export interface Ports {
  gateway: number;
  nats: number;
}

/** The baseline: a socket, a timer, and JSON in both directions. */
export const BARE = "ws, bare";
export const OWN = "HeartbeatAgent";

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const url = ({ gateway }: Ports) => `ws://127.0.0.1:${gateway}/prod`;

/** A login that the fake server accepts without checking, for clients that can't sign one. */
const PROTOCOLS = ["agent-heartbeat.v1", `e30.${Buffer.from("{}").toString("base64url")}.e30`];

/** The heartbeat of an idle HeartbeatAgent. */
const HEARTBEAT = { type: "heartbeat", activity: { state: "idle", eventLoopLagMs: 1 } };

/** Opens the n-th client. Resolves when it is connected. */
export type Open = (n: number, ports: Ports, intervalMs: number) => Promise<unknown>;

export const KINDS: Readonly<Record<string, Open>> = {
  [BARE]: async (_, ports, intervalMs) => {
    const socket = new WebSocket(url(ports), PROTOCOLS, { perMessageDeflate: false });
    socket.on("message", (data) => JSON.parse(String(data)));
    await new Promise((resolve) => socket.once("open", resolve));
    return every(intervalMs, () => socket.send(JSON.stringify(HEARTBEAT)));
  },
  "partysocket over ws": async (_, ports, intervalMs) => {
    const socket = new PartySocket(url(ports), PROTOCOLS, { WebSocket, maxRetries: 0 });
    socket.addEventListener("message", ({ data }) => JSON.parse(String(data)));
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    return every(intervalMs, () => socket.send(JSON.stringify(HEARTBEAT)));
  },
  "nats.js, its ping": (_, { nats }, pingInterval) =>
    connect({ servers: `127.0.0.1:${nats}`, pingInterval }),
  [OWN]: async (n, ports, intervalMs) => {
    const agent = new HeartbeatAgent({
      agentId: `agent-${n}`,
      organizationId: "acme",
      url: url(ports),
      privateKey,
      logger: null,
      heartbeatInterval: intervalMs / 1000,
    });
    await agent.start();
    return agent;
  },
};

/** Calls at a random moment of the first interval, and then once per interval, like the agent. */
function every(intervalMs: number, call: () => void): NodeJS.Timeout {
  call();
  return setTimeout(() => setInterval(call, intervalMs), Math.random() * intervalMs);
}
