/** One scenario's stage: a service, a client, and what both have to do with each other. */

import { generateKeyPairSync } from "node:crypto";
import { type FakeConnection, FakeService } from "@agent-heartbeat/sdk/testing";
import { type AgentSettings, ClientProcess } from "./client";
import { Feed, Violation } from "./feed";
import { faultsOf } from "./login";

/** Ends a client that hangs. No scenario is decided by how long it takes. */
const HANGS_AFTER_MS = 120_000;

/** What a client can do that passes the scenarios of this name. */
export type Level = "presence" | "messages" | "rotation" | "fleet" | "http";

export interface Scenario {
  level: Level;
  /** A sentence about the client. */
  name: string;
  play(trial: Trial): Promise<void>;
}

export class Trial {
  readonly service: FakeService;
  readonly client: ClientProcess;
  readonly key = generateKeyPairSync("ed25519").privateKey;
  readonly agentId = "worker-1";
  readonly organizationId = "acme";

  constructor(command: readonly string[], signal: AbortSignal) {
    this.service = new FakeService({ organizationId: this.organizationId, signal });
    this.service.reached = 1;
    this.client = new ClientProcess(command, new Feed(signal));
  }

  /** Makes the client an agent, and lets it connect. */
  async start(settings: Partial<AgentSettings> = {}): Promise<void> {
    await this.client.call("start", { settings: { ...this.settings, ...settings } });
  }

  /** Starts the client, and waits until it has subscribed to its patterns. */
  async subscribed(
    patterns: string[],
    groups: Record<string, string> = {},
  ): Promise<FakeConnection> {
    await this.start({ patterns, groups });
    const connection = await this.service.connection();
    if (patterns.length > 0) await connection.message("subscribe", patterns.length);
    await connection.message("heartbeat");
    return connection;
  }

  get settings(): AgentSettings {
    return {
      agentId: this.agentId,
      organizationId: this.organizationId,
      url: this.service.url,
      privateKey: this.key.export({ type: "pkcs8", format: "pem" }).toString(),
      heartbeatInterval: 1,
      heartbeatTimeoutMultiplier: 3,
      ackEvery: 1,
      reconnect: { baseDelay: 0.1, maxDelay: 0.2 },
      rotateAfter: { min: 5400, max: 6600 },
      drainTimeout: 30,
      patterns: [],
      groups: {},
    };
  }

  /** @throws Violation */
  expect(holds: boolean, what: string, got?: unknown): void {
    if (holds) return;
    throw new Violation(
      `expected ${what}${got === undefined ? "" : `, got ${JSON.stringify(got)}`}`,
    );
  }

  /** Every login so far is one that the service would accept, with a new token. */
  expectValidLogins(): void {
    const { logins } = this.service;
    for (const login of logins) {
      const faults = faultsOf(login, {
        ...this,
        audience: this.service.url.replace("ws:", "wss:"),
      });
      this.expect(faults.length === 0, faults.join("; "), login.claims);
    }
    const ids = new Set(logins.map(({ claims }) => claims.jti));
    this.expect(ids.size === logins.length, "a jti of its own for each login", [...ids]);
    const instances = new Set(logins.map(({ claims }) => claims.instance_id));
    this.expect(instances.size === 1, "one instance_id for the whole life of a process", [
      ...instances,
    ]);
  }
}

/** @returns what was wrong; undefined if nothing */
export async function play(
  { play: run }: Scenario,
  command: readonly string[],
  interrupted: AbortSignal,
): Promise<string | undefined> {
  const ended = new AbortController();
  const interrupt = () => ended.abort("interrupted");
  interrupted.addEventListener("abort", interrupt);
  const timer = setTimeout(
    () => ended.abort(`it took more than ${HANGS_AFTER_MS / 1000} s`),
    HANGS_AFTER_MS,
  );
  const trial = new Trial(command, ended.signal);
  try {
    await trial.service.listen();
    await run(trial);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
    interrupted.removeEventListener("abort", interrupt);
    await trial.client.kill();
    await trial.service.close();
  }
}
