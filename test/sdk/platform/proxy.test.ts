import { once } from "node:events";
import { Agent, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { HeartbeatAgent, type NodeAgentOptions, proxyAgent, proxyFor } from "@agent-heartbeat/sdk";
import { StatusReader } from "@agent-heartbeat/sdk/status";
import { type FakeService, startFakeService } from "@agent-heartbeat/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type HttpProxy, startHttpProxy } from "../../../testing/http-proxy";
import { TEST_KEY } from "../../../testing/keys";

const PROXY = "http://proxy.corp:3128";

describe("the proxy for a URL", () => {
  it.each<[string, Record<string, string>, string | undefined]>([
    ["wss://a.test/prod", { HTTPS_PROXY: PROXY }, "proxy.corp:3128"],
    ["wss://a.test/prod", { https_proxy: PROXY }, "proxy.corp:3128"],
    ["https://a.test/", { HTTPS_PROXY: PROXY }, "proxy.corp:3128"],
    ["ws://a.test/prod", { HTTP_PROXY: PROXY }, "proxy.corp:3128"],
    ["ws://a.test/prod", { HTTPS_PROXY: PROXY }, undefined],
    ["wss://a.test/prod", { HTTP_PROXY: PROXY }, undefined],
    ["wss://a.test/prod", { ALL_PROXY: PROXY }, "proxy.corp:3128"],
    ["wss://a.test/prod", { https_proxy: "http://lower:1", HTTPS_PROXY: PROXY }, "lower:1"],
    ["wss://a.test/prod", { HTTPS_PROXY: PROXY, ALL_PROXY: "http://all:1" }, "proxy.corp:3128"],
    ["wss://a.test/prod", { HTTPS_PROXY: "proxy.corp:3128" }, "proxy.corp:3128"],
    ["wss://a.test/prod", { HTTPS_PROXY: "https://secure.corp" }, "secure.corp"],
    ["wss://a.test/prod", { HTTPS_PROXY: "" }, undefined],
    ["wss://a.test/prod", {}, undefined],
    ["ws://localhost:8787/prod", { HTTP_PROXY: PROXY }, undefined],
    ["ws://dynamodb.localhost/prod", { HTTP_PROXY: PROXY }, undefined],
    ["ws://127.0.0.1:8787/prod", { HTTP_PROXY: PROXY }, undefined],
    ["ws://[::1]:8787/prod", { HTTP_PROXY: PROXY }, undefined],
  ])("%s with %j is %s", (url, environment, host) => {
    expect(proxyFor(url, environment)?.host).toBe(host);
  });

  it.each([
    ["*", "wss://a.test/prod", false],
    ["a.test", "wss://a.test/prod", false],
    ["A.Test", "wss://a.TEST/prod", false],
    ["test", "wss://a.test/prod", false],
    [".test", "wss://a.test/prod", false],
    ["*.test", "wss://a.test/prod", false],
    ["x.test, a.test", "wss://a.test/prod", false],
    ["x.test a.test", "wss://a.test/prod", false],
    ["est", "wss://a.test/prod", true],
    ["b.a.test", "wss://a.test/prod", true],
    ["a.test:443", "wss://a.test/prod", false],
    ["a.test:8443", "wss://a.test/prod", true],
    ["a.test:8443", "wss://a.test:8443/prod", false],
    [".amazonaws.com", "wss://x.execute-api.eu-west-1.amazonaws.com/prod", false],
    ["10.0.0.0/8", "wss://10.1.2.3/prod", false],
    ["10.0.0.0/8", "wss://11.1.2.3/prod", true],
    ["10.0.0.0/99", "wss://10.1.2.3/prod", true],
    ["10.1.2.3", "wss://10.1.2.3/prod", false],
    ["10.1.2.3:443", "wss://10.1.2.3/prod", false],
    ["fd00::/8", "wss://[fd00::1]/prod", false],
    ["fd00::1", "wss://[fd00::1]/prod", false],
    ["[fd00::1]:443", "wss://[fd00::1]/prod", false],
    ["[fd00::1]:80", "wss://[fd00::1]/prod", true],
    ["169.254.169.254", "wss://a.test/prod", true],
    [",, ,", "wss://a.test/prod", true],
  ])("under NO_PROXY=%s, %s goes through it: %p", (list, url, through) => {
    for (const name of ["NO_PROXY", "no_proxy"]) {
      const environment = { HTTPS_PROXY: PROXY, [name]: list };
      expect(proxyFor(url, environment) !== undefined).toBe(through);
    }
  });

  it.each([
    ["socks5://user:secret@proxy:1080", "got one of socks5:"],
    ["http://[secret", "got another text"],
  ])("is refused if it is %s, without its password", (value, message) => {
    const read = () => proxyFor("wss://a.test/prod", { HTTPS_PROXY: value });
    expect(read).toThrow(message);
    expect(read).not.toThrow("secret");
  });
});

describe("an agent behind a proxy", () => {
  const NAMES = ["HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"];
  const before = Object.fromEntries(NAMES.map((name) => [name, process.env[name]]));
  let gateway: FakeService;
  let proxy: HttpProxy | undefined;
  let agent: HeartbeatAgent | undefined;

  beforeEach(async () => {
    for (const name of NAMES) delete process.env[name];
    gateway = await startFakeService();
  });
  afterEach(async () => {
    await agent?.stop();
    await proxy?.close();
    await gateway.close();
    for (const name of NAMES) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
    agent = proxy = undefined;
  });

  function newAgent(options: Partial<NodeAgentOptions> = {}): HeartbeatAgent {
    agent = new HeartbeatAgent({
      agentId: "a1",
      organizationId: "acme",
      url: "ws://service.test/prod",
      privateKey: TEST_KEY,
      logger: null,
      autoReconnect: false,
      ...options,
    });
    return agent;
  }

  it("connects through the proxy of the environment", async () => {
    proxy = await startHttpProxy(gateway.port);
    process.env.HTTP_PROXY = proxy.url;
    await newAgent().start();
    expect(proxy.asked).toEqual([["service.test:80", 200]]);
    expect(gateway.last.login.claims.aud).toBe("wss://service.test/prod");
  });

  it("sends the user name and password of its URL", async () => {
    proxy = await startHttpProxy(gateway.port, ({ headers }) =>
      headers["proxy-authorization"] === `Basic ${Buffer.from("me:p@ss").toString("base64")}`
        ? 200
        : 407,
    );
    process.env.HTTP_PROXY = proxy.url.replace("//", "//me:p%40ss@");
    await newAgent().start();
    expect(proxy.asked).toEqual([["service.test:80", 200]]);
  });

  it.each<[string, number | null, string]>([
    ["refuses", 403, "refused to connect to service.test:80 with status 403 No"],
    ["wants a password", 407, "with status 407 No: it wants a user name and a password in its URL"],
    ["does not find the server", 502, "refused to connect to service.test:80 with status 502 No"],
    ["hangs up", null, "could not be used: "],
  ])(
    "reports if the proxy %s, and does not mistake it for the service",
    async (_, status, message) => {
      proxy = await startHttpProxy(gateway.port, () => status);
      process.env.HTTP_PROXY = proxy.url.replace("//", "//me:secret@");
      const error = await newAgent()
        .start()
        .catch((reason) => reason);
      expect(error.name).toBe("ConnectionError");
      expect(error.message).toContain(`the proxy ${proxy.url}`);
      expect(error.message).toContain(message);
      expect(error.message).not.toContain("secret");
      expect(gateway.logins.length).toBe(0);
    },
  );

  it("names a proxy that can't be reached, and one that is not a proxy", async () => {
    proxy = await startHttpProxy(gateway.port);
    await proxy.close();
    process.env.HTTP_PROXY = proxy.url;
    await expect(newAgent().start()).rejects.toThrow(
      `the proxy ${proxy.url} could not be used: connect ECONNREFUSED`,
    );
    proxy = undefined;
    process.env.HTTP_PROXY = "socks5://proxy:1080";
    await expect(newAgent().start()).rejects.toThrow(
      "HTTP_PROXY: expected the http:// or https:// URL",
    );
  });

  it("connects directly under NO_PROXY, and to this machine", async () => {
    proxy = await startHttpProxy(gateway.port);
    process.env.HTTP_PROXY = proxy.url;
    await newAgent({ url: gateway.url }).start();
    expect(proxy.asked).toEqual([]);
  });

  it("uses the option agent in its place", async () => {
    proxy = await startHttpProxy(gateway.port);
    process.env.HTTP_PROXY = "http://127.0.0.1:1";
    const own = proxyAgent({ HTTP_PROXY: proxy.url });
    await newAgent({ agent: own }).start();
    expect(proxy.asked).toEqual([["service.test:80", 200]]);
    own.destroy();
    const both = { agent: new Agent(), heartbeatThread: true };
    expect(() => newAgent(both)).toThrow("expected either agent or heartbeatThread, got both");
    agent = undefined;
  });

  it("reads statuses through it, by the same connection again", async () => {
    const table = createServer((_, response) => {
      response
        .setHeader("content-type", "application/x-amz-json-1.0")
        .end('{"Items":[],"Count":0}');
    });
    table.listen(0, "127.0.0.1");
    await once(table, "listening");
    proxy = await startHttpProxy((table.address() as AddressInfo).port);
    const through = proxyAgent({ HTTP_PROXY: proxy.url });
    const names = { AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "x" };
    Object.assign(process.env, names);
    const reader = new StatusReader({
      tableName: "t",
      region: "eu-west-1",
      endpoint: "http://dynamodb.test",
      agent: through,
    });
    try {
      for (const _ of [1, 2]) {
        expect(await reader.countByStatus("acme")).toEqual({ online: 0, offline: 0 });
      }
      expect(proxy.asked).toEqual([["dynamodb.test:80", 200]]);
    } finally {
      for (const name of Object.keys(names)) delete process.env[name];
      reader.close();
      through.destroy();
      table.close();
    }
  });
});
