/** A local runtime with a dashboard, which can be stopped and restarted on the same port. */

import { createPrivateKey, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentPresence, OnlineCount, Profile } from "@agent-heartbeat/sdk/protocol";
import { AgentRegistry } from "@agent-heartbeat/sdk/registry";
import { BatchWriteItemCommand, DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { agentRecordId, profileValue } from "../../core/registry-record";
import { TrendStore } from "../../lambda/sweep/trend-store";
import { type LocalService, startLocalService } from "../../local/app/service";
import { synthesize } from "../../local/app/synthesize";
import { sharedAssembly } from "../e2e/target";
import { newP256Key } from "../keys";

const ROOT = join(__dirname, "../..");

const ORGANIZATION = "demo";

export class Service {
  #runtime: LocalService | undefined;
  #client: DynamoDBClient | undefined;
  #assembly = "";
  readonly #directory = mkdtempSync(join(tmpdir(), "dashboard-"));
  #port = 0;

  private constructor() {}

  /** @param assembly by default the one that the suite's setup synthesized, or one that is synthesized for this */
  static async start(assembly = sharedAssembly()): Promise<Service> {
    const service = new Service();
    service.#assembly =
      assembly ??
      (await synthesize({
        directory: ROOT,
        outputDirectory: join(service.#directory, "cdk.out"),
      }));
    await service.resume();
    return service;
  }

  get runtime(): LocalService {
    if (!this.#runtime) throw new Error("expected a running runtime, got none");
    return this.#runtime;
  }

  async resume(): Promise<void> {
    this.#runtime = await startLocalService({
      assemblyDirectory: this.#assembly,
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

  /** The page's address with the sign-in of a new viewer, as the command line makes it. */
  async link(): Promise<string> {
    const { outputs, pageUrl = "" } = this.runtime;
    const registry = new AgentRegistry({ client: this.#db, ...outputs });
    const agentId = `viewer-${randomBytes(8).toString("hex")}`;
    const key = newP256Key();
    const viewer = {
      organizationId: ORGANIZATION,
      agentId,
      role: "viewer",
      publicKey: key,
    } as const;
    await registry.register(viewer);
    const fragment = new URLSearchParams({
      url: outputs.webSocketUrl,
      organization: ORGANIZATION,
      agent: agentId,
      key: createPrivateKey(key).export({ type: "pkcs8", format: "der" }).toString("base64url"),
      expires: String(Date.now() + 12 * 3_600_000),
    });
    return `${pageUrl}#${fragment}`;
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

  /** Stores counts of the organization, as a sweep does. */
  async storeCounts({ at, ...counts }: OnlineCount): Promise<void> {
    const { registryTableName } = this.runtime.outputs;
    const store = new TrendStore({ client: this.#db, registryTableName });
    await store.put(new Map([[ORGANIZATION, counts]]), at);
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
