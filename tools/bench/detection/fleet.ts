/** Agents that send heartbeats until they die, with the way and time of each death. */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { WebSocket } from "ws";
import { audienceOf, SUBPROTOCOL } from "../../../core/login-claims";
import { FaultProxy } from "../../../testing/fault-proxy";
import { loginClaims, putAgent, signToken, type TestKey, testKey } from "../../../testing/login";

/**
 * `killed`: the process ends, and its socket with it. `silent`: the process hangs. `cut off`: the
 * network drops everything.
 */
export const DEATHS = ["killed", "silent", "cut off"] as const;
export type Death = (typeof DEATHS)[number];

export interface TestAgent {
  agentId: string;
  death: Death;
  /** Epoch milliseconds. Undefined while the agent lives. */
  diedAt: number | undefined;
  die(): void;
  /** Releases the agent's remaining resources. */
  dispose(): Promise<void>;
}

export interface FleetOptions {
  url: string;
  client: DynamoDBClient;
  registryTableName: string;
  intervalMs: number;
  /** Offset of an agent's heartbeats within the interval: 0 to 1. */
  random: () => number;
}

export class Fleet {
  readonly #key: Promise<TestKey> = testKey("ES256");

  constructor(private readonly options: FleetOptions) {}

  /**
   * Resolves when the agent is connected. Its first heartbeat is sent at a random moment of the
   * interval.
   */
  async connect(agentId: string, death: Death): Promise<TestAgent> {
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
    const sendHeartbeat = () => socket.send('{"type":"heartbeat"}');
    let timer = setTimeout(() => {
      sendHeartbeat();
      timer = setInterval(sendHeartbeat, intervalMs);
    }, random() * intervalMs);
    const agent: TestAgent = {
      agentId,
      death,
      diedAt: undefined,
      die() {
        agent.diedAt = Date.now();
        if (death === "cut off") proxy?.freeze();
        else clearInterval(timer);
        if (death === "killed") socket.terminate();
      },
      async dispose() {
        clearInterval(timer);
        socket.terminate();
        await proxy?.close();
      },
    };
    return agent;
  }
}
