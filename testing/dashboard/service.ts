/** A local runtime with a dashboard, which can be stopped and restarted on the same port. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { AgentPresence, Profile } from "@agent-heartbeat/sdk/protocol";
import { AgentRegistry } from "@agent-heartbeat/sdk/registry";
import { BatchWriteItemCommand, DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { agentRecordId, profileValue } from "../../core/registry-record";
import { signInLink } from "../../local/app/dashboard/viewer";
import { synthesize } from "../../local/app/synthesize";
import { type LocalRuntime, startLocalRuntime } from "../../local/aws/runtime";
import { newP256Key } from "../keys";

const ROOT = join(__dirname, "../..");

const ORGANIZATION = "demo";

export class Service {
  #runtime: LocalRuntime | undefined;
  #client: DynamoDBClient | undefined;
  readonly #assembly: string;
  readonly #directory = mkdtempSync(join(tmpdir(), "dashboard-"));
  #port = 0;

  private constructor(assembly: string) {
    this.#assembly = assembly;
  }

  /** Uses the assembly that the suite's setup synthesized, or synthesizes one. */
  static async start(): Promise<Service> {
    const target = process.env.AGENT_HEARTBEAT_TARGET;
    const shared = target?.includes(".e2e-") ? join(dirname(target), "cdk.out") : undefined;
    const outputDirectory = join(ROOT, ".local", "dashboard-test");
    const assembly = shared ?? (await synthesize({ directory: ROOT, outputDirectory }));
    const service = new Service(assembly);
    await service.resume();
    return service;
  }

  get runtime(): LocalRuntime {
    if (!this.#runtime) throw new Error("expected a running runtime, got none");
    return this.#runtime;
  }

  async resume(): Promise<void> {
    this.#runtime = await startLocalRuntime({
      assemblyDirectory: this.#assembly,
      // The suite's assembly has a stack for each mode.
      stackName: "AgentHeartbeat",
      port: this.#port,
      dataDirectory: join(this.#directory, "data"),
      schedules: false,
      pollIntervalMs: 20,
    });
    const { webSocketUrl, dynamoDbEndpoint, region } = this.#runtime.outputs;
    this.#port = Number(new URL(webSocketUrl).port);
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    this.#client = new DynamoDBClient({ endpoint: dynamoDbEndpoint, region, credentials });
  }

  async suspend(): Promise<void> {
    this.#client?.destroy();
    await this.#runtime?.stop();
    this.#runtime = undefined;
  }

  async stop(): Promise<void> {
    await this.suspend();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  link(): Promise<string> {
    const { outputs, pageUrl = "" } = this.runtime;
    return signInLink({
      outputs,
      pageUrl,
      organizationId: ORGANIZATION,
      keyFile: join(this.#directory, "viewer.pem"),
      now: Date.now,
    });
  }

  /** Registers an agent. Returns the options with which a `HeartbeatAgent` connects as that agent. */
  async register(agentId: string): Promise<Record<string, unknown>> {
    const { outputs } = this.runtime;
    const registry = new AgentRegistry({ client: this.#db, ...outputs });
    const privateKey = newP256Key();
    await registry.register({ organizationId: ORGANIZATION, agentId, publicKey: privateKey });
    return { organizationId: ORGANIZATION, agentId, privateKey, url: outputs.webSocketUrl };
  }

  /** Stores a profile for a registered agent, as if the agent had sent it. */
  async storeProfile(agentId: string, profile: Profile): Promise<void> {
    await this.#db.send(
      new UpdateItemCommand({
        TableName: this.runtime.outputs.registryTableName,
        Key: marshall({ organizationId: ORGANIZATION, recordId: agentRecordId(agentId) }),
        UpdateExpression: "SET profile = :profile",
        ExpressionAttributeValues: { ":profile": profileValue(profile) },
      }),
    );
  }

  /** Writes status rows as if agents had connected, without publishing events. */
  async writeRows(agents: AgentPresence[]): Promise<void> {
    const { statusTableName } = this.runtime.outputs;
    const rows = agents.map(({ since: _, stalledSince: __, profile: ___, ...row }) => ({
      ...row,
      organizationId: ORGANIZATION,
      ttlEpochSeconds: Math.ceil(Date.now() / 1000) + 3600,
    }));
    for (let start = 0; start < rows.length; start += 25) {
      const requests = rows.slice(start, start + 25).map((row) => {
        const present = Object.entries(row).filter(([, value]) => value !== null);
        return { PutRequest: { Item: marshall(Object.fromEntries(present)) } };
      });
      const RequestItems = { [statusTableName]: requests };
      await this.#db.send(new BatchWriteItemCommand({ RequestItems }));
    }
  }

  get #db(): DynamoDBClient {
    if (!this.#client) throw new Error("expected a running runtime, got none");
    return this.#client;
  }
}
