/** The clients that are compared: how each one connects. */

import { generateKeyPairSync } from "node:crypto";
import { HeartbeatAgent } from "@agent-heartbeat/sdk";
import { connect } from "@nats-io/transport-node";
import { WebSocket as PartySocket } from "partysocket";
import { WebSocket } from "ws";

export interface Ports {
  gateway: number;
  nats: number;
}

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const url = ({ gateway }: Ports) => `ws://127.0.0.1:${gateway}/prod`;

/** A login that the stand-in believes unseen, for clients that have none of their own. */
const PROTOCOLS = ["agent-heartbeat.v1", `e30.${Buffer.from("{}").toString("base64url")}.e30`];

/** Each resolves when the client is connected. */
export const KINDS: Record<string, (n: number, ports: Ports) => Promise<unknown>> = {
  "ws, bare": async (_, ports) => {
    const socket = new WebSocket(url(ports), PROTOCOLS, { perMessageDeflate: false });
    await new Promise((resolve) => socket.once("open", resolve));
    return socket;
  },
  "partysocket over ws, bare": async (_, ports) => {
    const options = { WebSocket, maxRetries: 0 };
    const socket = new PartySocket(url(ports), PROTOCOLS, options);
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    return socket;
  },
  "nats.js, ping every 30 s": (_, { nats }) =>
    connect({ servers: `127.0.0.1:${nats}`, pingInterval: 30_000 }),
  "HeartbeatAgent, heartbeat every 30 s": async (n, ports) => {
    const options = { organizationId: "acme", url: url(ports), privateKey, logger: null };
    const agent = new HeartbeatAgent({ ...options, agentId: `agent-${n}`, heartbeatInterval: 30 });
    await agent.start();
    return agent;
  },
};
