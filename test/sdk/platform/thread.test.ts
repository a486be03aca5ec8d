import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Activity, ConnectionError, HeartbeatAgent } from "@agent-heartbeat/sdk";
import { type FakeService, startFakeService } from "@agent-heartbeat/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { firstLine } from "../../../testing/first-line";
import { TEST_KEY } from "../../../testing/keys";
import { temporaryFolder } from "../../../testing/temporary-folder";

let gateway: FakeService;
let agent: HeartbeatAgent | undefined;
let child: ChildProcess | undefined;

beforeEach(async () => {
  gateway = await startFakeService();
});

afterEach(async () => {
  await agent?.stop();
  if (child?.exitCode === null) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  await gateway.close();
});

function newAgent(options: object = {}): HeartbeatAgent {
  agent = new HeartbeatAgent({
    agentId: "agent-1",
    organizationId: "acme",
    url: gateway.url,
    privateKey: TEST_KEY,
    heartbeatThread: true,
    logger: null,
    ...options,
  });
  return agent;
}

describe("an agent with heartbeatThread", () => {
  it("handles messages, requests, health and drain as one without", async () => {
    const agent = newAgent();
    const states: string[] = [];
    agent.on("state", ({ state, reason }) => states.push(`${state} ${reason}`));
    const got = new Promise((resolve) => {
      agent.onMessage("tasks.*", (...args) => resolve(args));
    });
    const ended = agent.run();
    await gateway.until(() => gateway.connections[0]?.messages.length === 2);
    gateway.send({ type: "message", subject: "tasks.process", data: { n: 1 }, from: "agent-7" });
    expect(await got).toEqual(["tasks.process", { n: 1 }, { from: "agent-7" }]);
    expect(await agent.list()).toMatchObject({ agents: [{ agentId: "agent-1" }] });
    expect(agent.getConnectionHealth()).toMatchObject({ healthy: true, state: "connected" });
    await agent.drain();
    expect(await ended).toBe("drained");
    await gateway.until(() => gateway.open.length === 0);
    expect(gateway.last.closed).toEqual({ code: 1000, reason: "drained" });
    expect(states).toEqual([
      "connecting started",
      "connected opened",
      "draining drain",
      "stopped drained",
    ]);
    await expect(agent.list()).rejects.toThrow(ConnectionError);
  });

  it("reports failures, and stops when superseded", async () => {
    gateway.refuse = (_, n) => (n === 1 ? { status: 503 } : undefined);
    const agent = newAgent({ reconnect: { baseDelay: 0.1, maxDelay: 0.1 } });
    const kinds: string[] = [];
    agent.on("attemptFailed", ({ failure }) => kinds.push(failure.kind));
    const ended = agent.run();
    await gateway.until(() => gateway.connections[0]?.messages.length === 1);
    gateway.send({ type: "superseded" });
    expect(await ended).toBe("superseded");
    expect(kinds).toEqual(["unavailable"]);
  });

  it("shows a blocked event loop in its heartbeats while it stays online; one without a thread reports it later", async () => {
    const flag = join(temporaryFolder(), "go-on");
    const script = join(__dirname, "../fixtures/blocking-agents.ts");
    const argument = JSON.stringify({ url: gateway.url, privateKey: TEST_KEY });
    const flags = ["--conditions=agent-heartbeat-source", "--import", "tsx"];
    child = spawn(process.execPath, [...flags, script, argument], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const printed = firstLine(child);
    printed.catch(() => undefined);
    /** Waits for the gateway, and for the process's untimely end. */
    const beside = (condition: () => boolean) =>
      Promise.race([gateway.until(condition), printed.then(unexpected)]);
    const of = (id: string) => gateway.connections.filter(({ agentId }) => agentId === id);
    const heartbeats = (id: string) => of(id).flatMap(({ messages }) => messages);
    await beside(() => heartbeats("threaded").length > 1 && heartbeats("inline").length > 1);

    gateway.send({ type: "message", subject: "block", data: flag }, of("threaded"));
    await beside(() => heartbeats("threaded").some(isBlocked));
    expect(of("inline")[0]?.messages.some(isBlocked)).toBe(false);
    await writeFile(flag, "");

    expect(JSON.parse(await printed)).toEqual({ healthy: true, threadedChanges: 2 });
    await gateway.until(() => heartbeats("inline").some(hasLagged));
    expect([of("threaded").length, of("inline").length]).toEqual([1, 1]);
    child.kill("SIGTERM");
    await once(child, "exit");
    expect(of("threaded")[0]?.closed).toEqual({ code: 1000, reason: "drained" });
  });
});

const unexpected = (line: string) => {
  throw new Error(`expected nothing to be printed yet, got ${line}`);
};

const activityOf = ({ activity }: Record<string, unknown>) => (activity ?? {}) as Activity;

const lagOf = (heartbeat: Record<string, unknown>) => activityOf(heartbeat).eventLoopLagMs ?? 0;

const isBlocked = (heartbeat: Record<string, unknown>) =>
  activityOf(heartbeat).state === "blocked" && lagOf(heartbeat) > 5_000;

/** It reports a loop that was blocked for longer than the timeout. */
const hasLagged = (heartbeat: Record<string, unknown>) => lagOf(heartbeat) > 3_000;
