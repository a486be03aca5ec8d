/** `agent-heartbeat metrics` against the local service, scraped by hand and by Prometheus. */

import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { folderWithOutputs, type RunOptions, run } from "../../../testing/cli/run";
import { BareClient } from "../../../testing/e2e/client";
import { until } from "../../../testing/e2e/until";
import { type TestKey, testKey } from "../../../testing/login";

const organizationId = `e2e-${randomUUID()}`;
const outputs = readFileSync(process.env.AGENT_HEARTBEAT_TARGET ?? "", "utf8");
const { webSocketUrl } = JSON.parse(outputs) as { webSocketUrl: string };
const RULES = join(__dirname, "../../../docs/prometheus");
const PROMETHEUS = ["/usr/bin/prometheus", "/usr/local/bin/prometheus"].find((path) =>
  existsSync(path),
);

let cwd: string;
let key: TestKey;
beforeAll(async () => {
  cwd = await folderWithOutputs(outputs);
  key = await testKey();
  await writeFile(join(cwd, "a1.jwk"), JSON.stringify(key.jwk));
  await command(["agents", "register", "-a", "a1", "--public-key", "a1.jwk"]);
});

const command = (words: string[], options: RunOptions = {}) =>
  run([...words, "--local", "--organization", organizationId], { cwd, ...options });

const connect = () => BareClient.connect(webSocketUrl, key, { org: organizationId });

/** Starts an exporter. Its waits take as long as they say. */
function exporter(...words: string[]) {
  const interruption = new AbortController();
  let printed = "";
  const ended = command(["metrics", "--port", "0", "--json", ...words], {
    signal: interruption.signal,
    wait: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
    onOutput: (text) => {
      printed += text;
    },
  });
  const url = until(async () => (printed ? (JSON.parse(printed).url as string) : undefined));
  return {
    url,
    scrape: async () => (await fetch(await url)).text(),
    async end() {
      interruption.abort();
      return ended;
    },
  };
}

const count = (text: string, labels: string) =>
  Number(
    new RegExp(`^agent_heartbeat_agents\\{${labels},organization=.*\\} (\\d+)$`, "m").exec(
      text,
    )?.[1],
  );

describe("agent-heartbeat metrics", () => {
  it("shows an agent that connects and is killed, and leaves no viewer behind", async () => {
    const { scrape, url, end } = exporter("--per-agent");
    expect(count(await scrape(), 'status="online",reason=""')).toBe(0);
    const agent = await connect();
    const isOnline = async () =>
      count(await scrape(), 'status="online",reason=""') === 1 || undefined;
    await until(isOnline);
    expect(await scrape()).toContain('agent_heartbeat_agent_up{agent="a1",status="online"');
    agent.break();
    const labels = 'status="offline",reason="connection_lost"';
    await until(async () => count(await scrape(), labels) === 1 || undefined);
    const text = await scrape();
    expect(count(text, 'status="online",reason=""')).toBe(0);
    expect(text).toMatch(
      /^agent_heartbeat_transitions_total\{event="offline",reason="connection_lost",.*\} 1$/m,
    );
    const healthz = await fetch((await url).replace("/metrics", "/healthz"));
    expect([healthz.status, await healthz.text()]).toEqual([200, "live\n"]);
    expect((await fetch((await url).replace("/metrics", "/"))).status).toBe(404);
    expect((await fetch(await url, { method: "POST" })).status).toBe(405);
    expect(await end()).toMatchObject({ code: 0, stderr: "" });
    const { stdout } = await command(["agents", "list", "--json"]);
    expect(JSON.parse(stdout)).toEqual([expect.objectContaining({ agentId: "a1" })]);
  });

  it("reports in one sentence that its port is in use, and leaves no viewer behind", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const signal = new AbortController().signal;
    const { code, stderr } = await command(["metrics", "--port", String(port)], { signal });
    server.close();
    expect([code, stderr]).toEqual([
      1,
      `error: Port ${port} is in use.\nName another with --port.\n`,
    ]);
    const { stdout } = await command(["agents", "list", "--json"]);
    expect(JSON.parse(stdout)).toHaveLength(1);
  });

  it.each(["-1", "65536", "1.5", "http", ""])("refuses the port %j", async (port) => {
    const { code, stderr } = await command(["metrics", `--port=${port}`]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("from 0 to 65535")]);
  });
});

const skipped = PROMETHEUS ? "" : " (skipped: it is not installed)";
(PROMETHEUS ? describe : describe.skip)(`Prometheus${skipped}`, () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "prometheus-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const promtool = (words: string[], input = "") =>
    execFileSync((PROMETHEUS ?? "").replace(/prometheus$/, "promtool"), words, {
      encoding: "utf8",
      input,
    });

  it("accepts the configuration and the rules", () => {
    expect(promtool(["check", "config", join(RULES, "prometheus.yml")])).toContain("SUCCESS");
  });

  it("scrapes the exporter, and its rules see that no agent is online", async () => {
    const { url, scrape, end } = exporter();
    const { host } = new URL(await url);
    // Of the process's own metrics, which a library names, some break the rules.
    const own = (await scrape()).split("\n").filter((line) => line.includes("agent_heartbeat_"));
    promtool(["check", "metrics"], `${own.join("\n")}\n`);
    const config = readFileSync(join(RULES, "prometheus.yml"), "utf8")
      .replace("127.0.0.1:9464", host)
      .replaceAll("15s", "1s")
      .replace("alerts.yml", join(RULES, "alerts.yml"));
    await writeFile(join(directory, "prometheus.yml"), config);
    const port = await freePort();
    const prometheus = spawn(
      PROMETHEUS ?? "",
      [
        `--config.file=${join(directory, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(directory, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: "ignore" },
    );
    try {
      const ask = async (path: string) => {
        const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`).catch(
          () => undefined,
        );
        return response?.ok ? ((await response.json()) as Answer) : undefined;
      };
      const query = `sum(agent_heartbeat_agents{organization="${organizationId}"})`;
      const sum = await until(async () => {
        const answer = await ask(`query?query=${encodeURIComponent(query)}`);
        return answer?.data.result[0];
      });
      expect(sum.value[1]).toBe("1");
      const alert = await until(async () => {
        const answer = await ask("alerts");
        return answer?.data.alerts.find(({ labels }) => labels.alertname === "NoAgentOnline");
      });
      expect(alert.labels).toMatchObject({ organization: organizationId, severity: "critical" });
    } finally {
      prometheus.kill();
      await once(prometheus, "exit");
      await end();
    }
  });
});

/** What Prometheus answers to a query, or about its alerts. */
interface Answer {
  data: {
    result: { value: [time: number, value: string] }[];
    alerts: { labels: Record<string, string> }[];
  };
}

describe("the dashboard for Grafana", () => {
  it("uses only metrics that exist", async () => {
    const { scrape, end } = exporter("--per-agent");
    const exported = new Set(
      [...(await scrape()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name),
    );
    await end();
    for (const file of ["grafana.json", "alerts.yml"]) {
      const text = readFileSync(join(RULES, file), "utf8");
      const named = [...text.matchAll(/agent_heartbeat_\w+/g)].map(([name]) => name);
      expect(named.length).toBeGreaterThan(4);
      expect(named.filter((name) => !exported.has(name))).toEqual([]);
    }
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
