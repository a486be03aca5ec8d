import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { App } from "aws-cdk-lib";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import { source as axe } from "axe-core";
import { Construct } from "constructs";
import type { Page } from "playwright-core";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";
import { appProps, featureFlags } from "../../testing/cdk-context";
import { hasBrowser, SKIPPED, TestBrowser } from "../../testing/dashboard/browser";
import { presence } from "../../testing/dashboard/fake-fleet";
import { Service } from "../../testing/dashboard/service";
import { type AgentProcess, startAgent } from "../../testing/e2e/agent-process";

/** The shortest lease: five seconds, one and a half times. */
const SHORT = { heartbeatInterval: 5, heartbeatTimeoutMultiplier: 1.5 };
const LONG = { heartbeatInterval: 30 };

/** As a deployment has it: in the local runtime its address is the gateway's, without the path of the stage. */
function withCustomDomain(): string {
  const app = new App(appProps(featureFlags()));
  const scope = new Construct(app, "Certificates");
  const arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1";
  const certificate = Certificate.fromCertificateArn(scope, "Agents", arn);
  new AgentHeartbeatStack(app, "WithDomain", {
    customDomain: { domainName: "agents.example.com", certificate },
  });
  return app.synth().directory;
}

(hasBrowser ? describe : describe.skip)(
  `the dashboard of a custom domain in Chromium${SKIPPED}`,
  () => {
    it("signs in, and shows the fleet", async () => {
      const browser = new TestBrowser();
      const [service] = await Promise.all([Service.start(withCustomDomain()), browser.launch()]);
      try {
        expect(service.runtime.outputs.webSocketUrl).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
        const now = Date.now();
        const seen = { connectedAt: now, lastHeartbeatAt: now, leaseExpiresAt: now + 3_600_000 };
        await service.writeRows([presence("steady", seen)]);
        const page = await browser.open(await service.link());
        await page.getByRole("link", { name: "steady", exact: true }).waitFor();
        await page.reload();
        await page.getByRole("link", { name: "steady", exact: true }).waitFor();
        expect(browser.problems).toEqual([]);
      } finally {
        await browser.close();
        await service.stop();
      }
    });
  },
);

(hasBrowser ? describe : describe.skip)(`the dashboard in Chromium${SKIPPED}`, () => {
  const browser = new TestBrowser();
  let service: Service;
  let agents: AgentProcess[] = [];
  let pages: Page[] = [];

  beforeAll(async () => {
    [service] = await Promise.all([Service.start(), browser.launch()]);
    const now = Date.now();
    const seen = { connectedAt: now - 90_000, lastHeartbeatAt: now - 60_000 };
    const ended = { ...seen, leaseExpiresAt: now - 1000 };
    await service.writeRows([
      presence("steady", { ...seen, leaseExpiresAt: now + 3_600_000 }),
      presence("gone", { ...ended, status: "offline", reason: "connection_lost" }),
      presence("silent", ended),
    ]);
  });
  afterEach(async () => {
    await Promise.all(agents.map((agent) => agent.end()));
    await Promise.all(pages.map((page) => page.context().close()));
    agents = [];
    pages = [];
    expect(browser.problems.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    await service?.stop();
  });

  async function connect(agentId: string, options: object): Promise<AgentProcess> {
    const agent = startAgent({ ...(await service.register(agentId)), ...options });
    agents.push(agent);
    await agent.acknowledged;
    return agent;
  }

  async function open(url?: string, options = {}): Promise<Page> {
    const page = await browser.open(url ?? (await service.link()), options);
    pages.push(page);
    return page;
  }

  const row = (page: Page, agentId: string) =>
    page
      .locator("tbody tr")
      .filter({ has: page.getByRole("link", { name: agentId, exact: true }) });

  /** Waits until the row says so. */
  const says = (page: Page, agentId: string, text: string) =>
    row(page, agentId).getByText(text).first().waitFor();

  it("shows the status and reason of each agent, and removes the sign-in from the address", async () => {
    const page = await open();
    await says(page, "steady", "Online");
    await says(page, "gone", "Offline: connection lost");
    await says(page, "silent", "Offline: lease expired");
    expect(page.url()).toBe(service.runtime.pageUrl);
    expect(await page.title()).toBe("(2 offline) demo · Agent Heartbeat");
    await page.reload();
    await says(page, "steady", "Online");
  });

  it("shows without a reload when an agent connects and when it is killed", async () => {
    const page = await open();
    await says(page, "steady", "Online");
    const agent = await connect("killed", LONG);
    await says(page, "killed", "Online");
    agent.child.kill("SIGKILL");
    await says(page, "killed", "Offline: connection lost");
  });

  it("shows a suspended agent as offline when its lease ends, without an event", async () => {
    const page = await open();
    const agent = await connect("stopped", SHORT);
    await says(page, "stopped", "Online");
    agent.child.kill("SIGSTOP");
    await says(page, "stopped", "Offline: lease expired");
  });

  it("keeps the order of rows while the pointer is over them", async () => {
    const page = await open();
    await says(page, "steady", "Online");
    const ids = () => page.locator("tbody tr th a, tbody tr td a").allInnerTexts();
    const before = await ids();
    await row(page, "steady").hover();
    const agent = await connect("newcomer", LONG);
    agent.child.kill("SIGKILL");
    await page.getByText("while you point at a row").waitFor();
    await page
      .locator('[data-count="offline"] a')
      .filter({ hasText: String(3) })
      .or(page.locator('[data-count="offline"] a').filter({ hasText: /[3-9]/ }))
      .first()
      .waitFor();
    expect(await ids()).toEqual(before);
    await page.mouse.move(0, 0);
    await says(page, "newcomer", "Offline");
  });

  it("filters by a click on a count and by typed text", async () => {
    const page = await open();
    await says(page, "steady", "Online");
    await page.locator('[data-count="offline"] a').click();
    await row(page, "steady").waitFor({ state: "detached" });
    await says(page, "gone", "Offline");
    await page.getByRole("button", { name: "Clear filters" }).click();
    await says(page, "steady", "Online");
    await page.getByPlaceholder("Find agents").fill("silent");
    await page.keyboard.press("Enter");
    await row(page, "steady").waitFor({ state: "detached" });
    expect(await page.locator("tbody tr").count()).toBe(1);
  });

  it("shows one agent's status, profile and transitions, including those before the page was opened", async () => {
    const metadata = { version: "1.4.2", region: "eu-west-1" };
    const agent = await connect("described", LONG);
    await service.storeProfile("described", { capabilities: ["summarize"], metadata });
    const page = await open();
    await row(page, "described").getByText("1.4.2").waitFor();
    await page.getByRole("link", { name: "described", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "described" }).waitFor();
    await page.getByText("summarize").waitFor();
    await page.getByText("Came online: connected").waitFor();
    agent.child.kill("SIGKILL");
    await page.getByText("Went offline: connection lost").waitFor();
    await page.getByRole("link", { name: "Events" }).click();
    await page
      .locator("tbody tr")
      .filter({ hasText: "described" })
      .getByText("connection lost")
      .waitFor();
    await page.getByRole("link", { name: "Trends" }).click();
    await page.getByRole("heading", { name: "Agents online" }).waitFor();
  });

  it("shows the end of a lease that no sweep has stored on the agent's timeline", async () => {
    const page = await open();
    await says(page, "silent", "Offline: lease expired");
    await page.getByRole("link", { name: "silent", exact: true }).click();
    await page.getByText("Went offline: lease expired").waitFor();
  });

  it.each([
    ["a laptop", { width: 1280, height: 800 }],
    ["a phone", { width: 390, height: 844 }],
  ])("cuts off no column on %s, and shows where long ids differ", async (_, viewport) => {
    const now = Date.now();
    const seen = { connectedAt: now, lastHeartbeatAt: now, leaseExpiresAt: now + 3_600_000 };
    const ids = ["0001", "0002"].map((end) => `production-eu-west-1-orchestrator-pool-${end}`);
    const task = "tasks.summarize.quarterly-report";
    const activity = { state: "blocked", task, startedAt: now - 45 * 60_000 } as const;
    await service.writeRows(ids.map((agentId) => presence(agentId, { ...seen, activity })));
    const page = await open(undefined, { viewport });
    for (const agentId of ids) await says(page, agentId, "Online");
    const hidden = `(() => {
      const frame = document.querySelector("table").parentElement;
      return frame.scrollWidth - frame.clientWidth;
    })()`;
    expect(await page.evaluate(hidden)).toBeLessThanOrEqual(1);
    // Long ids are cut in the middle, on purpose.
    const cut = `[...document.querySelectorAll("tbody td, tbody td *")]
      .filter((one) => !one.closest("a") && getComputedStyle(one).overflowX === "hidden")
      .filter((one) => one.scrollWidth > one.clientWidth + 1)
      .map((one) => one.textContent)`;
    expect(await page.evaluate(cut)).toEqual([]);
    for (const agentId of ids) {
      const beyond = `(() => {
        const link = document.querySelector('a[aria-label="${agentId}"]');
        const end = link.querySelector("span span:last-child").getBoundingClientRect();
        return end.right - link.closest("th, td").getBoundingClientRect().right;
      })()`;
      expect(await page.evaluate(beyond)).toBeLessThanOrEqual(0);
    }
  });

  it("does not break short words on an agent's page on a phone", async () => {
    const page = await open(undefined, { viewport: { width: 390, height: 844 } });
    await says(page, "silent", "Offline: lease expired");
    await page.getByRole("link", { name: "silent", exact: true }).click();
    await page.getByText("Lease ended").waitFor();
    // A word that is broken lies in two rectangles.
    const broken = `(() => {
      const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
      const found = [];
      while (texts.nextNode()) {
        for (const { index, 0: word } of texts.currentNode.data.matchAll(/[a-z]{2,12}/gi)) {
          const range = document.createRange();
          range.setStart(texts.currentNode, index);
          range.setEnd(texts.currentNode, index + word.length);
          const lines = new Set([...range.getClientRects()].map(({ top }) => top));
          if (lines.size > 1) found.push(word);
        }
      }
      return found;
    })()`;
    expect(await page.evaluate(broken)).toEqual([]);
  });

  it("shows nothing as online while disconnected, and reconnects on its own", async () => {
    const page = await open();
    await says(page, "steady", "Online");
    await service.suspend();
    await page.getByText("Not connected: the current status").waitFor();
    await says(page, "steady", "Unknown, was online");
    await says(page, "gone", "Unknown, was offline");
    expect(await page.title()).toBe("(?) demo · Agent Heartbeat");
    expect(await page.locator('[class*="status-success"]').count()).toBe(0);
    await service.resume();
    await page.getByText("Not connected: the current status").waitFor({ state: "detached" });
    await row(page, "steady").getByText("Online", { exact: true }).waitFor();
  });

  it.each([
    ["that has ended", { expires: "1000000000000" }, "The sign-in has ended"],
    ["with a broken key", { key: "A".repeat(64) }, "This browser can't use the sign-in's key"],
    ["without an organization", { organization: "" }, "The sign-in's organization"],
  ])("asks for a new sign-in instead of one %s", async (_, changes, message) => {
    const page = await open(changed(await service.link(), changes));
    await page.getByText(message).waitFor();
    await page.getByText("agent-heartbeat dashboard").waitFor();
    expect(page.url()).toBe(service.runtime.pageUrl);
  });

  it("ends with its sign-in, and shows no agents any more", async () => {
    const expires = String(Date.now() + 3_600_000);
    const page = await open(changed(await service.link(), { expires }));
    await says(page, "steady", "Online");
    await page.clock.fastForward("55:00");
    await page.getByText("The sign-in ends in").waitFor();
    await page.clock.fastForward("05:00");
    await page.getByText("The sign-in has ended").waitFor();
    expect(await page.locator("table").count()).toBe(0);
    await page.reload();
    await page.getByText("This address alone does not sign you in").waitFor();
  });

  it("cannot be signed in to by its address alone, after signing out either", async () => {
    const page = await open();
    await says(page, "steady", "Online");
    await page.getByRole("button", { name: "Signed in to demo" }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByText("You are signed out").waitFor();
    await page.reload();
    await page.getByText("This address alone does not sign you in").waitFor();
  });

  it("can be used with the keyboard alone", async () => {
    const page = await open();
    await says(page, "steady", "Online");
    const press = async (key: string, reached: () => Promise<boolean>) => {
      for (let n = 0; n < 60; n++) {
        if (await reached()) return;
        await page.keyboard.press(key);
      }
      throw new Error(`${key} did not reach the element`);
    };
    const focused = (text: RegExp) => async () =>
      (await page.locator(":focus").count()) > 0 &&
      text.test(await page.locator(":focus").first().ariaSnapshot());
    await press("Tab", focused(/offline: show them/));
    await page.keyboard.press("Enter");
    await row(page, "steady").waitFor({ state: "detached" });
    await press("Tab", focused(/Find agents/));
    await press("Tab", focused(/^- button "Status"$/));
    await page.keyboard.press("ArrowDown");
    await press("ArrowRight", focused(/^- link/));
    await page.keyboard.press("Enter");
    await page.waitForURL(/#\/agents\//);
  });

  it.each(["light", "dark"] as const)(
    "satisfies axe in every view, in %s colours",
    async (colorScheme) => {
      const page = await open(undefined, { colorScheme, bypassCSP: true });
      await says(page, "steady", "Online");
      await page.addScriptTag({ content: axe });
      for (const view of ["#/", "#/agents/gone", "#/trends", "#/events"]) {
        await page.evaluate(`location.hash = ${JSON.stringify(view)}`);
        await page.locator("h1").first().waitFor();
        const found = (await page.evaluate(AXE)) as string[];
        expect([view, found]).toEqual([view, []]);
      }
    },
  );
});

/** Violations found by axe, one per line. */
const AXE = `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) =>
  nodes.map(({ html, failureSummary }) => id + ": " + html.slice(0, 200) + failureSummary)))`;

function changed(link: string, fields: Record<string, string>): string {
  const [page, fragment] = link.split("#");
  return `${page}#${new URLSearchParams({ ...Object.fromEntries(new URLSearchParams(fragment)), ...fields })}`;
}
