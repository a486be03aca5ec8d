/** Agents that beat until they die, each in its own way, and the moment in which each did. */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { WebSocket } from "ws";
import { audienceOf, SUBPROTOCOL } from "../../../core/protocol";
import { FaultProxy } from "../../../testing/fault-proxy";
import { loginClaims, putAgent, signToken, type TestKey, testKey } from "../../../testing/login";

/** The process ends, and its socket with it. The process stands still. The network passes nothing on. */
export const DEATHS = ["killed", "silent", "cut off"] as const;
export type Death = (typeof DEATHS)[number];

export interface Mortal {
  agentId: string;
  death: Death;
  /** Epoch milliseconds; undefined while it lives. */
  diedAt: number | undefined;
  die(): void;
  /** Ends what is left of it. */
  tombstone(): Promise<void>;
}

export interface FleetOptions {
  url: string;
  client: DynamoDBClient;
  registryTableName: string;
  intervalMs: number;
  /** When in its interval an agent beats: 0 to 1. */
  random: () => number;
}

export class Fleet {
  readonly #key: Promise<TestKey> = testKey("ES256");

  constructor(private readonly options: FleetOptions) {}

  /** Resolves when the agent is connected; its heartbeats begin at a moment of chance in its interval. */
  async raise(agentId: string, death: Death): Promise<Mortal> {
    const { url, client, registryTableName, intervalMs, random } = this.options;
    const key = await this.#key;
    await putAgent(client, registryTableName, [key], { agentId });
    const proxy =
      death === "cut off" ? await FaultProxy.start(Number(new URL(url).port)) : undefined;
    const claims = loginClaims(audienceOf(url), Date.now(), {
      iss: agentId,
      sub: agentId,
      heartbeat_interval: intervalMs / 1000,
      heartbeat_timeout: (intervalMs * 3) / 1000,
    });
    const socket = new WebSocket(proxy?.url ?? url, [SUBPROTOCOL, await signToken(key, claims)]);
    socket.on("error", () => undefined);
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    const beat = () => socket.send('{"type":"heartbeat"}');
    let timer = setTimeout(() => {
      beat();
      timer = setInterval(beat, intervalMs);
    }, random() * intervalMs);
    const mortal: Mortal = {
      agentId,
      death,
      diedAt: undefined,
      die() {
        mortal.diedAt = Date.now();
        if (death === "cut off") proxy?.freeze();
        else clearInterval(timer);
        if (death === "killed") socket.terminate();
      },
      async tombstone() {
        clearInterval(timer);
        socket.terminate();
        await proxy?.close();
      },
    };
    return mortal;
  }
}
