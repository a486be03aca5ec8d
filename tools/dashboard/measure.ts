/**
 * `npm run bench:dashboard`: measures how soon a browser shows 10,000 agents, and the end of one.
 */

import type { Page } from "playwright-core";
import { hasBrowser, SKIPPED, TestBrowser } from "../../testing/dashboard/browser";
import { largeFleet } from "../../testing/dashboard/large-fleet";
import { Service } from "../../testing/dashboard/service";
import { startAgent } from "../../testing/e2e/agent-process";

const AGENTS = 10_000;
const PAGE_TURNS = 20;

/** The longest tasks that blocked the page since the last call, in milliseconds. */
const LONG_TASKS = `(() => {
  window.longTasks ??= [];
  if (!window.observing) {
    window.observing = new PerformanceObserver((list) =>
      window.longTasks.push(...list.getEntries().map(({ duration }) => Math.round(duration))));
    window.observing.observe({ type: "longtask" });
  }
  return window.longTasks.splice(0).sort((a, b) => b - a).slice(0, 5);
})()`;

async function measure(page: Page, link: string): Promise<void> {
  const started = Date.now();
  const since = () => `${Date.now() - started} ms`;
  await page.goto(link);
  await page.locator("tbody tr").nth(19).waitFor();
  console.log(`first rows after            ${since()}`);
  await page.evaluate(LONG_TASKS);
  await page.getByText(`(${AGENTS.toLocaleString("en")})`).waitFor({ timeout: 120_000 });
  console.log(`all ${AGENTS} agents after     ${since()}`);
  console.log("longest tasks while listing", await page.evaluate(LONG_TASKS));
  const turning = Date.now();
  for (let n = 0; n < PAGE_TURNS; n++) {
    await page.getByRole("button", { name: "Next page" }).click();
  }
  console.log(`average page turn         ${(Date.now() - turning) / PAGE_TURNS} ms`);
  console.log("longest tasks while turning", await page.evaluate(LONG_TASKS));
  for (let n = 0; n < 40; n++) await page.mouse.wheel(0, n < 20 ? 200 : -200);
  console.log("longest tasks while scrolling", await page.evaluate(LONG_TASKS));
}

async function measureEnd(page: Page, service: Service): Promise<void> {
  await page.getByPlaceholder("Find agents").fill("short-lived");
  await page.keyboard.press("Enter");
  const agent = startAgent(await service.register("short-lived"));
  await agent.acknowledged;
  const row = page.locator("tbody tr").first();
  await row.getByText("Online").waitFor();
  const killed = Date.now();
  agent.child.kill("SIGKILL");
  await row.getByText("Offline").waitFor();
  console.log(`a killed agent is shown as offline after ${Date.now() - killed} ms`);
  await agent.end();
}

async function main(): Promise<void> {
  if (!hasBrowser) throw new Error(`expected a browser${SKIPPED}`);
  const browser = new TestBrowser();
  const [service] = await Promise.all([Service.start(), browser.launch()]);
  try {
    await service.writeRows(largeFleet(AGENTS, Date.now()));
    const page = await browser.open("about:blank");
    await measure(page, await service.link());
    await measureEnd(page, service);
  } finally {
    await browser.close();
    await service.stop();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
