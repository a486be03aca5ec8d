/**
 * `npm run screenshots`: takes the screenshots of the dashboard for the documentation, with a made-up fleet.
 * `npm run screenshots -- <folder>` takes each view at the widths of a laptop and of a phone, into that folder.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { HeartbeatAgent } from "@agent-heartbeat/sdk";
import type { AgentPresence } from "@agent-heartbeat/sdk/protocol";
import { hasBrowser, SKIPPED, TestBrowser } from "../../testing/dashboard/browser";
import { presence } from "../../testing/dashboard/fake-fleet";
import { Service } from "../../testing/dashboard/service";

const DIRECTORY = join(__dirname, "..", "..", "docs", "images");
const NAMES = ["coder", "planner", "researcher", "reviewer", "summarizer", "deployer", "tester"];
const TASKS = ["tasks.review", "tasks.build", "tasks.summarize", "tasks.deploy"];
const FLAPPING = "reviewer-4";
const MINUTE = 60_000;
const LAPTOP = { width: 1280, height: 900 };
const VIEWPORTS = { laptop: LAPTOP, phone: { width: 390, height: 844 } };

function fleet(now: number): AgentPresence[] {
  return Array.from({ length: 42 }, (_, index) => {
    const name = `${NAMES[index % NAMES.length]}-${1 + Math.floor(index / NAMES.length)}`;
    const lastHeartbeatAt = now - ((index * 7919) % 29_000);
    const offline = { 9: "lease_expired", 17: "connection_lost", 25: "drained" }[index];
    const stalled = index === 11 || index === 30;
    return presence(name, {
      connectedAt: now - (index + 3) * 17 * MINUTE,
      instanceId: `i-${(index * 2654435761).toString(16).slice(0, 8)}`,
      lastHeartbeatAt: offline ? now - (index % 4) * 3 * MINUTE - 100_000 : lastHeartbeatAt,
      leaseExpiresAt: offline ? now - (index % 4) * 3 * MINUTE - 10_000 : lastHeartbeatAt + 90_000,
      ...(offline && offline !== "lease_expired" && { status: "offline" as const }),
      ...(offline && { reason: offline as AgentPresence["reason"] }),
      activity:
        index % 13 === 6
          ? { state: "draining", task: "tasks.build", startedAt: now - 4 * MINUTE, inFlight: 1 }
          : index % 3 === 0
            ? { state: "idle" }
            : {
                state: "working",
                task: TASKS[index % TASKS.length] as string,
                startedAt: now - (index % 9) * 21_000,
                note: "reading the diff",
              },
      ...(stalled && { stallsAt: now - 2 * MINUTE }),
    });
  });
}

const version = (index: number) => (index % 5 === 0 ? "1.4.1" : "1.4.2");

/** Connects and disconnects like an agent on a bad network. */
async function flap(service: Service): Promise<void> {
  const options = await service.register(FLAPPING);
  for (let n = 0; n < 3; n++) {
    const agent = new HeartbeatAgent({ ...options, logger: null, signals: [] } as never);
    const acked = new Promise<void>((resolve) => {
      agent.on("state", ({ state }) => state === "connected" && resolve());
    });
    const running = agent.run();
    await acked;
    await agent.stop();
    await running.catch(() => undefined);
  }
}

/** Counts of a day with an outage, as sweeps store them. */
async function storeDay(service: Service, agents: number): Promise<void> {
  const now = Date.now();
  for (let at = now - 24 * 60 * MINUTE; at < now; at += 5 * MINUTE) {
    const hour = (now - at) / (60 * MINUTE);
    const outage = hour > 7 && hour < 7.6;
    const online = outage ? Math.round(agents * 0.2) : agents - 3 - Math.round(Math.abs(12 - hour));
    await service.storeCounts({ at, online, stalled: 2, overdue: 0 });
  }
}

type Settings = Parameters<TestBrowser["open"]>[1];

async function shoot(
  browser: TestBrowser,
  service: Service,
  settings: Settings,
  pathOf: (view: "fleet" | "agent" | "trends") => string,
): Promise<void> {
  const page = await browser.open(await service.link(), settings);
  await page.locator("tbody tr").nth(19).waitFor();
  await page.getByText("Rows are re-sorted as agents change").waitFor();
  await page.getByText("…", { exact: true }).first().waitFor({ state: "detached" });
  await page.screenshot({ path: pathOf("fleet") });
  await page.goto(`${service.runtime.pageUrl}#/agents/${FLAPPING}`);
  await page.getByText("Came online").first().waitFor();
  await page.screenshot({ path: pathOf("agent") });
  await page.goto(`${service.runtime.pageUrl}#/trends`);
  await page.getByText("Transitions", { exact: true }).first().waitFor();
  await page.locator('[class*="line-chart"] path, svg path').first().waitFor({ state: "attached" });
  await page.waitForTimeout(1000);
  await page.screenshot({ path: pathOf("trends") });
  await page.context().close();
}

async function main(): Promise<void> {
  if (!hasBrowser) throw new Error(`expected a browser${SKIPPED}`);
  mkdirSync(DIRECTORY, { recursive: true });
  const browser = new TestBrowser();
  const [service] = await Promise.all([Service.start(), browser.launch()]);
  try {
    await flap(service);
    const agents = fleet(Date.now()).filter(({ agentId }) => agentId !== FLAPPING);
    await service.writeRows(agents);
    for (const { agentId } of agents) await service.register(agentId);
    for (const [index, agentId] of [FLAPPING, ...agents.map((one) => one.agentId)].entries()) {
      await service.storeProfile(agentId, {
        capabilities: ["review", "summarize"],
        metadata: { version: version(index), region: "eu-west-1", host: `host-${index % 6}` },
      });
    }
    await storeDay(service, agents.length);
    const [folder] = process.argv.slice(2);
    for (const colorScheme of ["light", "dark"] as const) {
      if (folder === undefined) {
        await shoot(browser, service, { colorScheme, viewport: LAPTOP }, (view) =>
          join(DIRECTORY, `dashboard${view === "fleet" ? "" : `-${view}`}-${colorScheme}.png`),
        );
        continue;
      }
      mkdirSync(folder, { recursive: true });
      for (const [device, viewport] of Object.entries(VIEWPORTS)) {
        await shoot(browser, service, { colorScheme, viewport }, (view) =>
          join(folder, `${view}-${device}-${colorScheme}.png`),
        );
      }
    }
  } finally {
    await browser.close();
    await service.stop();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
