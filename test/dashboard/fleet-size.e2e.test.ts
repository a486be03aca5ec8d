import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Page } from "playwright-core";
import { hasBrowser, SKIPPED, TestBrowser } from "../../testing/dashboard/browser";
import { largeFleet } from "../../testing/dashboard/large-fleet";
import { Service } from "../../testing/dashboard/service";

const AGENTS = 10_000;

(hasBrowser ? describe : describe.skip)(`a fleet of ${AGENTS} agents${SKIPPED}`, () => {
  const browser = new TestBrowser();
  let service: Service;
  let page: Page;

  beforeAll(async () => {
    [service] = await Promise.all([Service.start(), browser.launch()]);
    await service.writeRows(largeFleet(AGENTS, Date.now()));
    page = await browser.open(await service.link());
  });
  afterAll(async () => {
    await browser.close();
    await service?.stop();
  });

  const count = (text: string) => page.locator("h2").filter({ hasText: "Agents" }).getByText(text);

  it("shows the first agents before the list is complete", async () => {
    await page.getByText("more agents follow").waitFor();
    await page.locator("tbody tr").nth(19).waitFor();
  });

  it("is listed whole", async () => {
    await count("(10,000)").waitFor();
    await page.locator('[data-count="offline"]').getByText("500", { exact: true }).waitFor();
    expect(await page.title()).toBe("(500 offline) demo · Agent Heartbeat");
  });

  it("can be paged to the end, sorted and filtered", async () => {
    await page.getByRole("button", { name: "Page 500" }).click();
    await page.getByRole("link", { name: "agent-09999", exact: true }).waitFor();
    await page.getByRole("columnheader", { name: "Agent" }).getByRole("button").first().click();
    await page.getByRole("button", { name: "Page 1 of all pages", exact: true }).click();
    await page.getByRole("link", { name: "agent-00000", exact: true }).waitFor();
    await page.getByPlaceholder("Find agents").fill("agent-0777");
    await page.keyboard.press("Enter");
    await count("(10/10,000)").waitFor();
    expect(await page.locator("tbody tr").count()).toBe(10);
    expect(browser.problems).toEqual([]);
  });
});
