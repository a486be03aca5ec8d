import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Transition } from "../../../core/presence";
import { HistoryStore } from "../../../lambda/history/store";
import { localFolder, run } from "../../../testing/cli/run";
import { type Engine, startEngine } from "../../../testing/engine";
import { keep } from "../../../testing/history";
import { offlineRow, onlineRow, putRows } from "../../../testing/status-rows";

let engine: Engine;
let cwd: string;
beforeAll(async () => {
  engine = await startEngine();
  cwd = await localFolder(engine);
});
afterAll(() => engine.stop());

const put = (row: ReturnType<typeof onlineRow>) =>
  putRows(engine.client, engine.statusTableName, [row]);

async function why(organizationId: string, ...args: string[]) {
  const words = ["why", "a1", "--local", "-o", organizationId, ...args];
  const { stdout, ...rest } = await run(words, { cwd });
  // Where the lines break is of no interest.
  return { ...rest, stdout, text: stdout.replace(/\n/g, " ") };
}

const agents = (name: string, organizationId: string, ...args: string[]) =>
  run(["agents", name, "--local", "-o", organizationId, "--agent", "a1", ...args], { cwd });

const register = (organizationId: string, ...args: string[]) =>
  agents("register", organizationId, "--generate-key", `${organizationId}.pem`, ...args);

describe("why", () => {
  it("describes a healthy agent, without advice", async () => {
    await register("healthy");
    await put(onlineRow(Date.now(), { organizationId: "healthy" }));
    const { code, text, stdout } = await why("healthy");
    expect(code).toBe(0);
    expect(text).toMatch(/^a1 is online since .* \(1:0\d ago\)\. It sends a heartbeat every 30 s;/);
    expect(text).toMatch(/Without another one, it is offline in 1:\d\d\./);
    expect(text).toContain("It can log in with the key ");
    expect(stdout).not.toContain("→");
  });

  it("counts the heartbeats that an agent has missed while its lease runs", async () => {
    await register("late");
    await put(onlineRow(Date.now() - 65_000, { organizationId: "late" }));
    expect((await why("late")).text).toContain("→ It has missed 2 heartbeats");
  });

  it("describes a lease that expired before a sweep found it", async () => {
    await register("silent");
    await put(onlineRow(Date.now() - 600_000, { organizationId: "silent" }));
    const { text } = await why("silent");
    expect(text).toMatch(/^a1 is offline since .* \(8:\d\d ago\): no heartbeat arrived/);
    expect(text).toContain("The table still stores it as online");
    expect(text).toContain("→ Its process hangs");
  });

  it.each(["client_closed", "connection_lost", "gateway_closed", "drained"] as const)(
    "explains the reason %s",
    async (reason) => {
      await register(reason);
      await put(offlineRow(Date.now(), { organizationId: reason, reason }));
      const { code, text } = await why(reason);
      expect(code).toBe(0);
      expect(text).toMatch(/^a1 is offline since [^:]+:\d\d:\d\d UTC \(\d s ago\): \w/);
    },
  );

  it("says how to enable an agent that was disabled, and then to restart it", async () => {
    await register("locked");
    await put(onlineRow(Date.now(), { organizationId: "locked" }));
    await agents("disable", "locked");
    expect((await why("locked")).text).toContain("→ `agents enable --agent a1` enables it again.");
    await agents("enable", "locked");
    expect((await why("locked")).text).toContain("→ It has been enabled again since: restart it.");
  });

  it("prints the URL to connect to for an agent that never connected", async () => {
    await register("new");
    const { code, text } = await why("new");
    expect(code).toBe(0);
    expect(text).toContain("it never connected");
    expect(text).toContain("ws://127.0.0.1:8787/prod");
  });

  it("says that a viewer has no status", async () => {
    await register("viewers", "--role", "viewer");
    expect((await why("viewers")).text).toContain("a viewer never has one");
  });

  it("exits with 3 if nothing is known of the agent, though another organization knows it", async () => {
    await register("theirs");
    await put(onlineRow(Date.now(), { organizationId: "theirs" }));
    const { code, text } = await why("ours");
    expect(code).toBe(3);
    expect(text).toContain("It is not registered");
  });

  it("counts how often the agent went offline, shows the last times, and gives advice if it is too often", async () => {
    await register("flapping");
    const now = Date.now();
    await put(onlineRow(now, { organizationId: "flapping" }));
    const history = new HistoryStore(engine.client, engine.registryTableName);
    for (let number = 0; number < 12; number++) {
      const offline = number % 2 === 0;
      await keep(history, {
        transitionId: `t${number}`,
        organizationId: "flapping",
        agentId: "a1",
        event: offline ? "offline" : "online",
        reason: offline ? "connection_lost" : "connected",
        at: now - 60_000 * (12 - number),
        connectionId: "A=",
        instanceId: "process-a",
      } as Transition);
    }
    const { text, stdout } = await why("flapping");
    expect(text).toContain("it went offline 6 times (connection_lost 6x).");
    expect(text).toContain("→ It is flapping");
    expect(stdout).toMatch(/^LAST TRANSITIONS\n.* UTC +1:0\d ago +online +connected\n/m);
    expect(stdout.match(/ UTC +\d+:\d\d ago/g)).toHaveLength(5);
    expect(JSON.parse((await why("flapping", "--json")).stdout).history).toHaveLength(12);
  });

  it("prints the facts as JSON", async () => {
    await register("facts");
    await put(onlineRow(Date.now() - 600_000, { organizationId: "facts" }));
    expect(JSON.parse((await why("facts", "--json")).stdout)).toMatchObject({
      agentId: "a1",
      stored: { status: "online" },
      derived: { status: "offline", reason: "lease_expired" },
      registered: { enabled: true },
      explanation: expect.arrayContaining([expect.stringContaining("a1 is offline")]),
    });
  });
});
