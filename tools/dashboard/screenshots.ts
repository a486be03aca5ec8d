/**
 * `npm run screenshots`: takes the screenshots of the dashboard for the documentation, with a
 * made-up fleet.
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
const VIEWPORT = { width: 1520, height: 950 };

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
    const agent = new HeartbeatAgent({ ...options, logger: null, handleSignals: false } as never);
    const acked = new Promise<void>((resolve) => {
      agent.on("state", ({ state }) => state === "connected" && resolve());
    });
    const running = agent.run();
    await acked;
    await agent.stop();
    await running.catch(() => undefined);
  }
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
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await browser.open(await service.link(), { colorScheme, viewport: VIEWPORT });
      await page.locator("tbody tr").nth(19).waitFor();
      await page.getByText("…", { exact: true }).first().waitFor({ state: "detached" });
      await page.screenshot({ path: join(DIRECTORY, `dashboard-${colorScheme}.png`) });
      await page.goto(`${service.runtime.pageUrl}#/agents/${FLAPPING}`);
      await page.getByText("Came online").first().waitFor();
      const path = join(DIRECTORY, `dashboard-agent-${colorScheme}.png`);
      await page.screenshot({ path });
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
