/** The page of the local runtime, opened by its plain address, and pages of others that try the same. */

import { createPublicKey } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { HeartbeatAgent } from "@agent-heartbeat/sdk";
import { AgentRegistry } from "@agent-heartbeat/sdk/registry";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { Page } from "playwright-core";
import { type LocalDashboard, openDashboard } from "../../local/app/dashboard";
import { hasBrowser, SKIPPED, TestBrowser } from "../../testing/dashboard/browser";
import { presence } from "../../testing/dashboard/fake-fleet";
import { Service } from "../../testing/dashboard/service";
import { TEST_KEY } from "../../testing/keys";

let service: Service;
let dashboard: LocalDashboard;
let now = Date.now;

function serveDashboard(): void {
  dashboard = openDashboard(service.runtime, "demo", () => now()) as LocalDashboard;
}

beforeAll(async () => {
  service = await Service.start();
  serveDashboard();
  const at = Date.now();
  const seen = { connectedAt: at - 90_000, lastHeartbeatAt: at - 60_000 };
  await service.writeRows([presence("steady", { ...seen, leaseExpiresAt: at + 3_600_000 })]);
});
afterAll(async () => {
  dashboard?.close();
  await service?.stop();
});

(hasBrowser ? describe : describe.skip)(`the plain address in Chromium${SKIPPED}`, () => {
  const browser = new TestBrowser();
  let pages: Page[] = [];
  beforeAll(() => browser.launch());
  afterEach(async () => {
    await Promise.all(pages.map((page) => page.context().close()));
    pages = [];
    now = Date.now;
  });
  afterAll(() => browser.close());

  async function open(url = dashboard.url): Promise<Page> {
    const page = await browser.open(url);
    pages.push(page);
    return page;
  }
  const online = (page: Page) =>
    page.locator("tbody tr").filter({ hasText: "steady" }).getByText("Online").waitFor();
  const signOut = async (page: Page, organization = "demo") => {
    await page.getByRole("button", { name: `Signed in to ${organization}` }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByText("You are signed out").waitFor();
  };

  it("opens signed in, again after a reload, and in another tab, with no key in the address", async () => {
    const page = await open();
    await online(page);
    await page.reload();
    await online(page);
    const other = await page.context().newPage();
    await other.goto(dashboard.url);
    await online(other);
    expect([page.url(), other.url()]).toEqual([dashboard.url, dashboard.url]);
    expect(browser.problems.splice(0)).toEqual([]);
  });

  it("stays signed out, in every tab, until somebody asks", async () => {
    const page = await open();
    await online(page);
    const other = await page.context().newPage();
    await other.goto(dashboard.url);
    await online(other);
    await signOut(page);
    await other.getByText("You are signed out").waitFor();
    await page.reload();
    await page.getByText("You are signed out").waitFor();
    await page.getByRole("button", { name: "Sign in" }).click();
    await online(page);
    await page.reload();
    await online(page);
    expect(browser.problems.splice(0)).toEqual([]);
  });

  it("shows the organization that it names", async () => {
    const page = await open(`${dashboard.url}?organization=acme`);
    await page.getByRole("button", { name: "Signed in to acme" }).waitFor();
    await page.getByText("No agent has connected to this organization yet").waitFor();
    await page.goto(dashboard.url);
    await online(page);
  });

  it("renews a sign-in before it ends", async () => {
    now = () => Date.now() - 12 * 3_600_000 + 16 * 60_000;
    const page = await open();
    await online(page);
    now = Date.now;
    await page.reload();
    await online(page);
    expect(await page.getByText("The sign-in ends in").count()).toBe(0);
  });

  it("continues in an open page after the runtime lost its viewer", async () => {
    const page = await open();
    await online(page);
    const { outputs } = service.runtime;
    const client = clientOf(outputs.dynamoDbEndpoint, outputs.region);
    const registry = new AgentRegistry({ client, ...outputs });
    const { agents } = await registry.list({ organizationId: "demo" });
    for (const { agentId } of agents.filter(({ role }) => role === "viewer")) {
      await registry.remove({ organizationId: "demo", agentId });
    }
    client.destroy();
    dashboard.close();
    await service.suspend();
    await page.getByText("Not connected: the current status").waitFor();
    await service.resume();
    serveDashboard();
    await page
      .getByText("Not connected: the current status")
      .waitFor({ state: "detached", timeout: 60_000 });
    await online(page);
    browser.problems.splice(0);
  });

  it("gives a page of another origin nothing: no sign-in, no page, no table", async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html>");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const { port } = server.address() as AddressInfo;
      const page = await open(`http://127.0.0.1:${port}/`);
      const got = await page.evaluate(tryAll(dashboard.url));
      expect(got).toEqual({ signIn: "failed", page: "failed", tables: "failed", blind: "opaque" });
    } finally {
      server.close();
      server.closeAllConnections();
      browser.problems.splice(0);
    }
  });
});

describe("a login", () => {
  it.each([
    ["localhost", ""],
    ["LOCALHOST", "/"],
    ["127.0.0.1", "//"],
    ["[::1]", ""],
    ["[0:0::1]", "/"],
    [hostname(), ""],
  ])("succeeds by the name %s, with %j after the stage", async (name, end) => {
    const options = await service.register(`by-${name.replace(/\W/g, "_")}${end.length}`);
    const url = `${String(options.url).replace("127.0.0.1", name)}${end}`;
    const agent = new HeartbeatAgent({ ...options, url, privateKey: options.privateKey } as never);
    try {
      await agent.start();
      expect(agent.state).toBe("connected");
    } finally {
      await agent.stop();
    }
  });
});

describe("a sign-in", () => {
  const { kty, crv, x, y } = createPublicKey(TEST_KEY).export({ format: "jwk" });
  const wish = { organizationId: "demo", publicKey: { kty, crv, x, y } };
  const post = (headers: Record<string, string>, body: unknown = wish) =>
    fetch(`${dashboard.url}sign-in`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  const own = () => ({ Origin: dashboard.url.slice(0, -1) });

  it("is the same for the same key, and holds no secret", async () => {
    const answers = [await post(own()), await post(own())];
    const [first, second] = (await Promise.all(answers.map((answer) => answer.json()))) as object[];
    expect(first).toEqual(second);
    expect(Object.keys(first ?? {}).sort()).toEqual([
      "agentId",
      "expiresAt",
      "keyId",
      "organizationId",
      "url",
    ]);
    expect(answers[0]?.headers.get("cache-control")).toBe("no-store");
  });

  it.each([
    ["a program that names no page", {}, 403],
    ["somebody behind a proxy", { "X-Forwarded-For": "192.0.2.1" }, 403],
    ["somebody behind another proxy", { Forwarded: "for=192.0.2.1" }, 403],
  ])("is not for %s", async (_, headers, status) => {
    const origin = Object.keys(headers).length > 0 ? own() : {};
    expect((await post({ ...origin, ...headers })).status).toBe(status);
  });

  it.each([
    ["no object", null],
    ["no key", { organizationId: "demo" }],
    ["a broken key", { organizationId: "demo", publicKey: { kty: "EC" } }],
    ["a broken organization", { ...wish, organizationId: "<b>" }],
    ["too much", { ...wish, more: "x".repeat(5000) }],
  ])("is not made of %s", async (_, body) => {
    expect((await post(own(), body)).status).toBe(400);
  });
});

/** Runs in the page of another origin. */
const tryAll = (url: string) => `(async (url) => {
  const attempt = (path, init) => fetch(url + path, init).then((r) => r.type === "opaque" ? "opaque" : r.text(), () => "failed");
  const target = { "X-Amz-Target": "DynamoDB_20120810.ListTables" };
  return {
    signIn: await attempt("sign-in", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }),
    page: await attempt(""),
    tables: await attempt("", { method: "POST", headers: target, body: "{}" }),
    blind: await attempt("sign-in", { method: "POST", mode: "no-cors", body: "{}" }),
  };
})(${JSON.stringify(url)})`;

function clientOf(endpoint: string, region: string): DynamoDBClient {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  return new DynamoDBClient({ endpoint, region, credentials });
}
