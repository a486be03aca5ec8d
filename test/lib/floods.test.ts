/** What a flood leaves to others: the template's limits, played by the gateway, with functions that never finish. */

import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { ROUTES } from "../../lib/throttling-props";
import { ACCOUNT_CONCURRENCY, Concurrency } from "../../local/aws/functions/concurrency";
import type { ThrottlingDescription } from "../../local/aws/resources/web-socket-api";
import { startGateway, type TestClient, type TestGateway } from "../../testing/local-gateway";
import { templateOf } from "../../testing/templates";

const AT_ONCE = 1000;
/** After this long, every route has all its tokens. */
const ALL_TOKENS_MS = 10_000;
const MESSAGES = ROUTES.filter((route) => route !== "$connect");
const OTHERS = MESSAGES.filter((type) => !type.startsWith("heartbeat"));

describe("while one client sends 1,000 messages at once, and no function finishes", () => {
  const flooders = new Set<string>();
  let throttling: ThrottlingDescription;
  let gateway: TestGateway;
  let disconnected = 0;

  beforeAll(() => {
    throttling = throttlingOf(templateOf("default"));
  });
  afterEach(async () => {
    flooders.clear();
    // The gateway waits no longer for what it has passed on.
    gateway.clock.advance(30_000);
    await gateway.stop();
  });

  async function start() {
    const concurrency = new Concurrency(ACCOUNT_CONCURRENCY, []);
    const run = (name: string) => (event: { requestContext: { connectionId: string } }) => {
      const release = concurrency.take(name);
      if (flooders.has(event.requestContext.connectionId)) return new Promise(() => {});
      release();
      if (name === "$disconnect") disconnected += 1;
      return { statusCode: 200, body: JSON.stringify({ from: name, ...event.requestContext }) };
    };
    gateway = await startGateway(
      Object.fromEntries(
        [...MESSAGES, "$connect", "$disconnect"].map((route) => [route, run(route)]),
      ),
      { throttling },
    );
  }

  const ask = (client: TestClient, type: string) => {
    client.socket.send(JSON.stringify({ type }));
    return client.next() as Promise<{ from?: string; message?: string; connectionId: string }>;
  };

  async function openFlooder(): Promise<TestClient> {
    const client = await gateway.open();
    flooders.add((await ask(client, "$default")).connectionId);
    return client;
  }

  /** Returns once the gateway has passed on or refused each of the messages. */
  async function flood(type: string, client: TestClient): Promise<void> {
    for (let index = 0; index < AT_ONCE; index++) client.socket.send(JSON.stringify({ type }));
    const passedOn = throttling.routes.get(type)?.burst ?? AT_ONCE;
    for (let index = passedOn; index < AT_ONCE; index++) {
      expect(await client.next()).toMatchObject({ message: "Too Many Requests" });
    }
  }

  const comeAndGo = async () => {
    const before = disconnected;
    const client = await gateway.open();
    client.socket.close();
    await client.closed;
    while (disconnected === before) await new Promise((resolve) => setImmediate(resolve));
  };

  it.each(OTHERS)("of type %s, others connect, send heartbeats and disconnect", async (type) => {
    await start();
    const other = await gateway.open();
    const flooder = await openFlooder();
    gateway.clock.advance(ALL_TOKENS_MS);
    await flood(type, flooder);
    expect(await ask(other, "heartbeat")).toMatchObject({ from: "heartbeat" });
    await comeAndGo();
  });

  it("of every type, heartbeats too, others connect and disconnect, and the next heartbeat counts", async () => {
    await start();
    const other = await gateway.open();
    const floods: [string, TestClient][] = [];
    for (const type of MESSAGES) floods.push([type, await openFlooder()]);
    gateway.clock.advance(ALL_TOKENS_MS);
    for (const [type, flooder] of floods) await flood(type, flooder);
    await comeAndGo();
    // Heartbeats get two tokens in each millisecond.
    gateway.clock.advance(1);
    expect(await ask(other, "heartbeat")).toMatchObject({ from: "heartbeat" });
  });
});

function throttlingOf(template: object): ThrottlingDescription {
  const { Resources } = template as {
    Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;
  };
  const stage = Object.values(Resources).find(({ Type }) => Type === "AWS::ApiGatewayV2::Stage");
  const { DefaultRouteSettings, RouteSettings } = stage?.Properties ?? {};
  const limits = (settings: unknown) => {
    const { ThrottlingRateLimit, ThrottlingBurstLimit } = settings as Record<string, number>;
    return { perSecond: Number(ThrottlingRateLimit), burst: Number(ThrottlingBurstLimit) };
  };
  const routes = Object.entries(RouteSettings as object);
  return {
    whole: limits(DefaultRouteSettings),
    routes: new Map(routes.map(([route, settings]) => [route, limits(settings)])),
  };
}
