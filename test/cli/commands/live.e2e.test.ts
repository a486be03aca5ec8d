import { createPrivateKey, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FleetWatcher, HeartbeatAgent } from "@agent-heartbeat/sdk";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { Times } from "../../../cli/src/simulation/measurements";
import { folderWithOutputs, type RunOptions, run } from "../../../testing/cli/run";
import { BareClient } from "../../../testing/e2e/client";
import { type TestKey, testKey } from "../../../testing/login";

const organizationId = `e2e-${randomUUID()}`;
const outputs = readFileSync(process.env.AGENT_HEARTBEAT_TARGET ?? "", "utf8");
const { webSocketUrl } = JSON.parse(outputs) as { webSocketUrl: string };

let cwd: string;
let key: TestKey;
let agent: BareClient;
beforeAll(async () => {
  // As it is where `npm start` runs.
  cwd = await folderWithOutputs(outputs);
  key = await testKey();
  await writeFile(join(cwd, "a1.jwk"), JSON.stringify(key.jwk));
  await command(["agents", "register", "-a", "a1", "--public-key", "a1.jwk"]);
  agent = await connect();
});
afterAll(() => agent?.close());

const command = (words: string[], options: RunOptions = {}) =>
  run([...words, "--local", "--organization", organizationId], { cwd, ...options });

async function connect(): Promise<BareClient> {
  const client = await BareClient.connect(webSocketUrl, key, { org: organizationId });
  await client.ask({ type: "heartbeat" });
  return client;
}

describe("messages from the command line", () => {
  it("reach the agent that `send` names", async () => {
    const { code, stdout } = await command(["send", "a1", '{"page":3}', "--json"]);
    expect(code).toBe(0);
    const { messageId, agentId } = JSON.parse(stdout);
    expect(agentId).toBe("a1");
    expect(await agent.next()).toEqual({
      type: "message",
      messageId,
      subject: "direct",
      direct: true,
      data: { page: 3 },
      from: "event:agent-heartbeat.cli",
    });
  });

  it("go to its handler of a subject, with data from the standard input", async () => {
    const words = ["send", "a1", "-", "--subject", "tasks.process"];
    const { stdout } = await command(words, { input: '"hello"\n' });
    expect(stdout).toMatch(/^Message \S+ for a1 is on the event bus \S+\.\n$/);
    expect(await agent.next()).toMatchObject({ subject: "tasks.process", data: "hello" });
  });

  it("reach the subscribers of the subject that `publish` names", async () => {
    await agent.ask({ type: "subscribe", subject: "tasks.*" });
    const { code, stdout } = await command(["publish", "tasks.process", "[1,2]"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Message \S+ is on the event bus \S+\.\n$/);
    expect(await agent.next()).toMatchObject({ subject: "tasks.process", data: [1, 2] });
  });
});

describe("events --follow", () => {
  /** Follows, and yields each printed line. */
  function follow(...words: string[]) {
    const interruption = new AbortController();
    const lines: string[] = [];
    const waiting: (() => void)[] = [];
    const ended = command(["events", "--follow", "--json", ...words], {
      signal: interruption.signal,
      onOutput: (text) => {
        lines.push(...text.trimEnd().split("\n"));
        for (const wake of waiting.splice(0)) wake();
      },
    });
    return {
      async next() {
        while (lines.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
        return JSON.parse(lines.shift() ?? "");
      },
      async end() {
        interruption.abort();
        return ended;
      },
    };
  }

  it("shows past events, then each new event once, and leaves no viewer behind", async () => {
    const events = follow("a1", "--limit", "1");
    expect(await events.next()).toMatchObject({ agentId: "a1", event: "online" });
    await agent.ask({ type: "heartbeat", activity: { state: "draining" } });
    expect(await events.next()).toMatchObject({ event: "draining", reason: "drain_started" });
    await agent.close(1000, "drained");
    const offline = { agentId: "a1", event: "offline", reason: "drained" };
    expect(await events.next()).toEqual({ ...offline, at: expect.any(Number) });
    agent = await connect();
    expect(await events.next()).toMatchObject({ event: "online", reason: "connected" });
    expect(await events.end()).toMatchObject({ code: 0, stderr: "" });
    const { stdout } = await command(["agents", "list", "--json"]);
    expect(JSON.parse(stdout)).toEqual([expect.objectContaining({ agentId: "a1" })]);
  });

  it("agrees with `events`, which shows the same events later", async () => {
    const { stdout } = await command(["events"]);
    const words = stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split("  ").slice(1));
    expect(words.slice(-2)).toEqual([
      ["a1", "offline", "(drained)"],
      ["a1", "online", "(connected)"],
    ]);
    const nobody = await command(["events", "ghost"]);
    expect(nobody.stdout).toBe(`There are no stored events of ghost of ${organizationId}.\n`);
  });
});

describe("the dashboard's address", () => {
  it("signs in a viewer that sees the organization", async () => {
    const file = join(cwd, ".local/outputs.json");
    const outputs = JSON.parse(await readFile(file, "utf8"));
    const dashboardUrl = "http://127.0.0.1:1/dashboard/#url=x&organization=demo";
    await writeFile(file, JSON.stringify({ ...outputs, dashboardUrl }));
    const { stdout } = await command(["dashboard", "--no-open"]);
    const [page, fragment] = stdout.trim().split("#");
    expect(page).toBe("http://127.0.0.1:1/dashboard/");
    const fields = new URLSearchParams(fragment);
    const watcher = new FleetWatcher({
      url: fields.get("url") ?? "",
      organizationId: fields.get("organization") ?? "",
      agentId: fields.get("agent") ?? "",
      privateKey: createPrivateKey({
        key: Buffer.from(fields.get("key") ?? "", "base64url"),
        format: "der",
        type: "pkcs8",
      }),
    });
    await watcher.start();
    expect([...watcher.agents.keys()]).toEqual(["a1"]);
    await watcher.stop();
  });
});

describe("simulate", () => {
  const patient: RunOptions = {
    signal: new AbortController().signal,
    wait: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
  };
  const simulate = (args: string[], options: RunOptions = patient) =>
    command(["simulate", "--json", "--interval", "5", ...args], options);

  const agentIds = async () => {
    const [registered, seen] = await Promise.all([
      command(["agents", "list", "--json"]),
      command(["status", "--json"]),
    ]);
    return [...JSON.parse(registered.stdout), ...JSON.parse(seen.stdout)]
      .map((one: { agentId: string }) => one.agentId)
      .filter((id: string) => id.startsWith("sim-"));
  };

  it("starts and stops real agents, finds no wrong status, and removes them", async () => {
    const acked = jest.spyOn(Times.prototype, "add");
    let begun = 0;
    const { code, stdout, stderr } = await simulate(
      ["--agents", "8", "--ramp", "1s", "--duration", "2s"],
      {
        ...patient,
        // Its time is not over before every agent was acknowledged, however slow the machine is.
        wait: async (ms, signal) => {
          begun ||= Date.now();
          const rampIsOver = Date.now() - begun > 1500;
          do await delay(ms, undefined, { signal });
          while (rampIsOver && acked.mock.calls.length < 8);
        },
      },
    ).finally(() => acked.mockRestore());
    expect(code).toBe(0);
    expect(stderr).toMatch(/^0 s {2}\d of 8 connected {2}\d+ connects\/s {2}\d+ acks /);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ agents: 8, connectedOnce: 8, connects: 8, reconnects: 0 });
    expect(report).toMatchObject({ failures: {}, faults: {}, falseOfflines: 0, falseOnlines: 0 });
    expect(report.acks).toBeGreaterThanOrEqual(8);
    expect(report.readings).toBeGreaterThan(1);
    expect(report.roundTripMs.p99).toBeGreaterThan(0);
    expect(await agentIds()).toEqual([]);
  });

  it("counts the faults that it injects, and removes its agents also when interrupted", async () => {
    const interruption = new AbortController();
    let ticks = 0;
    const { code, stdout } = await simulate(
      ["--agents", "6", "--ramp", "0", "--duration", "1h", "--chaos"],
      {
        signal: interruption.signal,
        // Every agent suffers a cut in every second.
        random: () => 0,
        wait: async (ms, signal) => {
          if (++ticks === 60) interruption.abort();
          await delay(ms, undefined, { signal }).catch(() => undefined);
        },
      },
    );
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.faults.cut).toBeGreaterThan(0);
    expect(report.failures.network).toBeGreaterThan(0);
    expect(report).toMatchObject({ falseOfflines: 0, falseOnlines: 0 });
    expect(await agentIds()).toEqual([]);
  });
});

describe("drain", () => {
  it("makes an agent that allows it finish its work and go offline", async () => {
    await command(["agents", "register", "-a", "polite", "--generate-key", "polite.pem"]);
    const polite = new HeartbeatAgent({
      agentId: "polite",
      organizationId,
      url: webSocketUrl,
      privateKeyPath: join(cwd, "polite.pem"),
      remoteDrain: true,
      signals: [],
    });
    const ended = polite.run();
    await polite.start();
    const { code, stdout } = await command(["drain", "polite"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Asked agent polite to drain/);
    expect(await ended).toBe("drained");
  });
});
