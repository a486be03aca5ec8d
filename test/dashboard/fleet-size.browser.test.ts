import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Page, WebSocketRoute } from "playwright-core";
import { hasBrowser, SKIPPED, TestBrowser } from "../../testing/dashboard/browser";
import { largeFleet } from "../../testing/dashboard/large-fleet";
import { Service } from "../../testing/dashboard/service";
import { EXHAUSTIVE } from "../../testing/exhaustive";

const AGENTS = EXHAUSTIVE ? 10_000 : 2000;
const text = (count: number) => count.toLocaleString("en-US");
const id = (index: number) => `agent-${String(index).padStart(5, "0")}`;

(hasBrowser ? describe : describe.skip)(`a fleet of ${AGENTS} agents${SKIPPED}`, () => {
  const browser = new TestBrowser();
  let service: Service;
  let page: Page;

  beforeAll(async () => {
    [service] = await Promise.all([Service.start(), browser.launch()]);
    await service.writeRows(largeFleet(AGENTS, Date.now()));
    page = await browser.open(await service.link(), {}, (page) =>
      page.routeWebSocket(/./, holdTheRest),
    );
  });
  afterAll(async () => {
    await browser.close();
    await service?.stop();
  });

  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });

  /** Lets the first part of the list through, and what comes after it once it is let go. */
  function holdTheRest(socket: WebSocketRoute): void {
    const service = socket.connectToServer();
    let last = Promise.resolve();
    let parts = 0;
    service.onMessage((message) => {
      if (JSON.parse(String(message)).type === "agents") parts += 1;
      if (parts > 1) last = last.then(() => held);
      last = last.then(() => socket.send(message));
    });
  }

  const count = (text: string) => page.locator("h2").filter({ hasText: "Agents" }).getByText(text);

  it("shows the first agents before the list is complete", async () => {
    await page.getByText("more agents follow").waitFor();
    await page.locator("tbody tr").nth(19).waitFor();
    letGo();
  });

  it("is listed whole", async () => {
    await count(`(${text(AGENTS)})`).waitFor();
    await page
      .locator('[data-count="offline"]')
      .getByText(text(AGENTS / 20), { exact: true })
      .waitFor();
    expect(await page.title()).toBe(`(${AGENTS / 20} offline) demo · Agent Heartbeat`);
  });

  it("can be paged to the end, sorted and filtered", async () => {
    await page.getByRole("button", { name: `Page ${AGENTS / 20}` }).click();
    await page.getByRole("link", { name: id(AGENTS - 1), exact: true }).waitFor();
    await page.getByRole("columnheader", { name: "Agent" }).getByRole("button").first().click();
    await page.getByRole("button", { name: "Page 1 of all pages", exact: true }).click();
    await page.getByRole("link", { name: id(0), exact: true }).waitFor();
    await page.getByPlaceholder("Find agents").fill("agent-0177");
    await page.keyboard.press("Enter");
    await count(`(10/${text(AGENTS)})`).waitFor();
    expect(await page.locator("tbody tr").count()).toBe(10);
    expect(browser.problems).toEqual([]);
  });
});
