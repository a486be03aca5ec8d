import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from "@jest/globals";
import type { handler as Handler } from "../../examples/slack-alert/handler";
import { type Engine, startEngine } from "../../testing/engine";

const PATH = "/services/T0/B0/secret";
const LOSS = {
  organizationId: "acme",
  agentId: "worker_1",
  connectionId: "c-1",
  reason: "connection_lost",
  at: Date.UTC(2026, 0, 1, 12),
};

/** A fake of Slack and of Systems Manager, which returns the webhook's URL. */
class Services {
  readonly server = createServer((request, response) => {
    void this.#answer(request).then(({ status, body }) => response.writeHead(status).end(body));
  });
  /** Posted messages by path. */
  posts: { path: string; text: string }[] = [];
  /** The next response statuses of Slack. After that it returns 200. */
  rejections: number[] = [];
  path = PATH;

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage) {
    const body = await text(request);
    if (request.headers["x-amz-target"] === "AmazonSSM.GetParameter") {
      const { Name, WithDecryption } = JSON.parse(body);
      const Parameter = { Name, Value: `${this.url}${this.path}` };
      const found = Name === "/webhook" && WithDecryption === true;
      return { status: found ? 200 : 400, body: JSON.stringify({ Parameter }) };
    }
    const status = this.rejections.shift() ?? 200;
    if (status === 200) this.posts.push({ path: request.url ?? "", ...JSON.parse(body) });
    return { status, body: status === 200 ? "ok" : "refused" };
  }
}

describe("the example slack-alert", () => {
  const services = new Services();
  const environment = { ...process.env };
  let engine: Engine;
  let handler: typeof Handler;

  beforeAll(async () => {
    engine = await startEngine();
    await new Promise<void>((resolve) => services.server.listen(0, "127.0.0.1", resolve));
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint,
      AWS_ENDPOINT_URL_SSM: services.url,
      AWS_REGION: engine.region,
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      STATUS_TABLE_NAME: engine.statusTableName,
      WEBHOOK_PARAMETER: "/webhook",
    });
    ({ handler } = await import("../../examples/slack-alert/handler"));
  });
  afterAll(async () => {
    process.env = environment;
    services.server.close();
    services.server.closeAllConnections();
    await engine.stop();
  });
  beforeEach(async () => {
    Object.assign(services, { posts: [], rejections: [], path: PATH });
    jest.spyOn(console, "error").mockImplementation(() => undefined);
    await store({});
  });

  /** The row of the lost agent, with some fields changed. */
  async function store(fields: object) {
    const now = Date.now();
    const row = {
      organizationId: "acme",
      agentId: "worker_1",
      status: "offline",
      connectionId: "c-1",
      connectedAt: now - 60_000,
      onlineSince: now - 60_000,
      lastHeartbeatAt: now - 30_000,
      leaseExpiresAt: now + 60_000,
      leaseMs: 90_000,
      instanceId: "i-1",
      reason: "connection_lost",
      disconnectedAt: now,
      ttlEpochSeconds: Math.ceil(now / 1000) + 3600,
      ...fields,
    };
    const Item = marshall(row);
    await engine.client.send(new PutItemCommand({ TableName: engine.statusTableName, Item }));
  }

  /** The queue delivers the events of the bus unchanged. */
  const queued = (...messageIds: string[]) => ({
    Records: messageIds.map((messageId) => ({
      messageId,
      body: JSON.stringify({ "detail-type": "Agent Offline", detail: LOSS }),
    })),
  });

  it("posts which agent is lost, since when and why, to the secret webhook", async () => {
    expect(await handler(queued("m-1"))).toEqual({ batchItemFailures: [] });
    const since = "<!date^1767268800^{date_short_pretty} {time_secs}|2026-01-01T12:00:00.000Z>";
    const text = `:red_circle: \`worker_1\` of \`acme\` is offline since ${since}: connection lost`;
    expect(services.posts).toEqual([{ path: PATH, text }]);
  });

  it("posts nothing about an agent that is back or was lost again", async () => {
    await store({ status: "online" });
    expect(await handler(queued("m-1"))).toEqual({ batchItemFailures: [] });
    await store({ connectionId: "c-2" });
    expect(await handler(queued("m-1"))).toEqual({ batchItemFailures: [] });
    expect(services.posts).toEqual([]);
  });

  it("returns only the messages that Slack rejected to the queue", async () => {
    services.rejections = [429];
    expect(await handler(queued("m-1", "m-2"))).toEqual({
      batchItemFailures: [{ itemIdentifier: "m-1" }],
    });
    expect(services.posts).toHaveLength(1);
    expect(await handler(queued("m-1"))).toEqual({ batchItemFailures: [] });
    expect(services.posts).toHaveLength(2);
  });

  it("reads the webhook again after Slack has rejected it", async () => {
    services.rejections = [404];
    expect((await handler(queued("m-1"))).batchItemFailures).toHaveLength(1);
    services.path = "/services/T0/B0/new";
    expect((await handler(queued("m-1"))).batchItemFailures).toEqual([]);
    expect(services.posts.map(({ path }) => path)).toEqual(["/services/T0/B0/new"]);
  });
});
