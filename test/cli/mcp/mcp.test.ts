/** `agent-heartbeat mcp`, asked by the protocol's own client: over streams in this process, and over those of a process. */

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { AgentPresence } from "@agent-heartbeat/sdk/status";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { addQuestions } from "../../../cli/src/mcp/questions";
import { HistoryStore } from "../../../lambda/history/store";
import { recordingBus } from "../../../testing/cli/recording-bus";
import { localFolder, type RunResult, run } from "../../../testing/cli/run";
import { type Engine, startEngine } from "../../../testing/engine";
import { presence, transition } from "../../../testing/fleet-watchers";
import { keep } from "../../../testing/history";
import { offlineRow, onlineRow, putRows } from "../../../testing/status-rows";

const REPOSITORY = join(__dirname, "../../..");

let engine: Engine;
let cwd: string;
beforeAll(async () => {
  engine = await startEngine();
  cwd = await localFolder(engine);
});
afterAll(() => engine.stop());

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});

interface Session {
  client: Client;
  /** The text of a tool's answer. */
  ask(tool: string, input?: object): Promise<string>;
  input: PassThrough;
  ended: Promise<RunResult>;
}

/** The command, with its streams in this process. */
async function session(
  organizationId: string,
  words: string[] = [],
  options = {},
): Promise<Session> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const interruption = new AbortController();
  const ended = run(["mcp", "--local", "-o", organizationId, ...words], {
    cwd,
    streams: () => ({ input, output }),
    signal: interruption.signal,
    ...options,
  });
  const client = new Client({ name: "test", version: "1" });
  // The transport of a server reads and writes streams, as a client's does.
  await client.connect(new StdioServerTransport(output, input));
  ending.push(async () => {
    interruption.abort();
    await client.close();
    await ended;
  });
  return { client, input, ended, ask: (tool, given) => asked(client, tool, given) };
}

async function asked(client: Client, name: string, given: object = {}): Promise<string> {
  const { content } = await client.callTool({ name, arguments: { ...given } });
  return (content as { text: string }[]).map(({ text }) => text).join("\n");
}

const stalled = (now: number, overrides: object) =>
  onlineRow(now, {
    stalledSince: now - 240_000,
    stallsAt: now - 240_000,
    activity: { state: "working", task: "tasks.process", startedAt: now - 300_000 },
    ...overrides,
  });

/** A deployment of which nothing but statuses is asked. */
const fleetOf = (agents: AgentPresence[]) =>
  ({
    organizationId: "large",
    statuses: {
      async *allAgents({ status }: { status?: string }) {
        yield* agents.filter((agent) => status === undefined || agent.status === status);
      },
      massExpiry: async () => null,
      clockOffsetMs: 0,
    },
  }) as never;

describe("an assistant", () => {
  it("finds out which agents are stuck, and why, with two calls", async () => {
    const now = Date.now();
    const named = (agentId: string) => ({ organizationId: "stuck", agentId });
    await putRows(engine.client, engine.statusTableName, [
      onlineRow(now, { ...named("well"), activity: { state: "idle" } }),
      stalled(now, named("slow")),
      onlineRow(now, {
        ...named("hung"),
        activity: { state: "blocked", eventLoopLagMs: 40_000, task: "tasks.spin" },
      }),
      offlineRow(now - 60_000, { ...named("gone"), reason: "drained" }),
    ]);
    const { ask } = await session("stuck");
    const summary = await ask("fleet_summary");
    expect(summary).toMatch(/^4 agents of stuck at .*: 3 online, 1 offline\.$/m);
    expect(summary).toMatch(/^Online by state: (1 (idle|blocked|stalled)(, |\.)){3}$/m);
    expect(summary).toContain("Offline by reason: 1 drained.");
    expect(summary).toContain("2 stuck:");
    expect(summary).toMatch(/^hung, online for .*, blocked 40 s$/m);
    expect(summary).toMatch(/^slow, stalled for .*, stalled 4:0\d on tasks\.process$/m);
    expect(await ask("why", { agent: "slow" })).toContain(
      "→ It is connected, but stuck: check what it works on.",
    );
  });

  it("gets counts and pages of a fleet of ten thousand, each in a few kilobytes", async () => {
    const now = Date.now();
    const agents = Array.from({ length: 10_000 }, (_, index) => {
      const agentId = `agent-${String(index).padStart(5, "0")}`;
      return index % 4 === 0
        ? presence(agentId, { status: "offline", reason: "connection_lost" })
        : presence(agentId, { stalledSince: now - 240_000 });
    });
    const tools = new Map<string, (input: object) => Promise<string>>();
    addQuestions((name, _, work) => {
      tools.set(name, async (input) =>
        (await work(fleetOf(agents), input as never, { now: () => now } as never)).join("\n"),
      );
    });
    const summary = await tools.get("fleet_summary")?.({});
    expect(summary).toContain("7500 online, 2500 offline.");
    expect(summary).toContain("and 7490 more: list_agents with status stuck names them.");
    expect(summary?.length).toBeLessThan(2000);
    const list = tools.get("list_agents");
    const page = await list?.({ status: "offline", limit: 100 });
    expect(page).toContain("2500 match.");
    expect(page?.length).toBeLessThan(10_000);
    const [, after] = /For more: after (\S+)\.$/.exec(page ?? "") ?? [];
    expect(after).toBe("agent-00396");
    expect(await list?.({ status: "offline", after, limit: 1 })).toMatch(
      /^2500 match, 2400 of them after agent-00396\.\nagent-00400, offline for/,
    );
  });

  it("filters by status, reason and the beginning of ids", async () => {
    const now = Date.now();
    const named = (agentId: string) => ({ organizationId: "filters", agentId });
    await putRows(engine.client, engine.statusTableName, [
      onlineRow(now, { ...named("a-1"), activity: { state: "draining" } }),
      offlineRow(now, { ...named("a-2"), reason: "lease_expired" }),
      offlineRow(now, named("b-1")),
    ]);
    const { ask } = await session("filters");
    const ids = async (wanted: object) =>
      (await ask("list_agents", wanted))
        .split("\n")
        .slice(1)
        .map((line) => line.split(",")[0]);
    expect(await ids({})).toEqual(["a-1", "a-2", "b-1"]);
    expect(await ids({ status: "draining" })).toEqual(["a-1"]);
    expect(await ids({ status: "stuck" })).toEqual([]);
    expect(await ids({ reason: "lease_expired" })).toEqual(["a-2"]);
    expect(await ids({ prefix: "b-", status: "offline" })).toEqual(["b-1"]);
  });

  it("can ask what happened within a period, and to one agent", async () => {
    const organizationId = "past";
    const at = Date.UTC(2026, 10, 24, 12);
    const history = new HistoryStore(engine.client, engine.registryTableName);
    for (const [index, agentId] of ["a", "a", "b"].entries()) {
      const event = index === 0 ? "online" : "offline";
      const reason = index === 0 ? "connected" : "connection_lost";
      const record = { organizationId, transitionId: `t${index}`, event, reason } as const;
      await keep(history, transition(agentId, { ...record, at: at + index * 60_000 }));
    }
    const { ask } = await session(organizationId, [], { now: () => at + 600_000 });
    const until = "2026-11-24T12:01:30Z";
    expect(await ask("events", { minutes: 5, until })).toBe(
      [
        "2 transitions from 2026-11-24 11:56:30 UTC to 2026-11-24 12:01:30 UTC: 1 offline (connection_lost), 1 online (connected).",
        "2026-11-24 12:01:00 UTC  a  offline (connection_lost)",
        "2026-11-24 12:00:00 UTC  a  online (connected)",
      ].join("\n"),
    );
    expect(await ask("events", { minutes: 5, until, event: "offline", limit: 1 })).toContain(
      "1 transitions",
    );
    expect(await ask("events", { until: "yesterday" })).toBe(
      "until: expected a time such as 2026-11-24T18:20:05Z, got yesterday.",
    );
    expect(await ask("agent_history", { agent: "b" })).toMatch(
      /^1 transitions of b are kept: .*\n.*12:02:00 UTC {2}b {2}offline/,
    );
  });

  it("may change nothing that was not allowed", async () => {
    const { client } = await session("careful");
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      "fleet_summary",
      "list_agents",
      "why",
      "agent_history",
      "events",
    ]);
    expect(tools.every(({ annotations }) => annotations?.readOnlyHint === true)).toBe(true);
    await expect(
      client.callTool({ name: "disable_agent", arguments: { agent: "a" } }),
    ).rejects.toThrow();
  });

  it("sends, drains and disables if that is allowed", async () => {
    const organizationId = "active";
    const words = ["agents", "register", "-a", "a1", "--generate-key", "a1.pem"];
    await run([...words, "--local", "-o", organizationId], { cwd });
    await putRows(engine.client, engine.statusTableName, [
      onlineRow(Date.now(), { organizationId, agentId: "a1" }),
    ]);
    const { sent, eventBridge } = recordingBus("m1");
    const { ask } = await session(organizationId, ["--allow", "send,drain,disable"], {
      eventBridge,
    });
    expect(await ask("send_message", { agent: "a1", subject: "tasks.do", data: { n: 1 } })).toBe(
      "Message m1 for a1 was sent.",
    );
    await ask("drain_agent", { agent: "a1" });
    expect(sent).toEqual([
      { organizationId, agentId: "a1", subject: "tasks.do", data: { n: 1 } },
      { organizationId, agentId: "a1", subject: "agent.drain", data: null },
    ]);
    expect(await ask("send_message", { agent: "a1", subject: "presence.a1", data: 1 })).toContain(
      "reserved for the service",
    );
    await ask("disable_agent", { agent: "a1" });
    expect(await ask("send_message", { agent: "a1", data: 1 })).toMatch(/^Agent a1 is offline/);
    expect(await ask("disable_agent", { agent: "nobody" })).toContain("nobody");
  });

  it("gets texts of agents without control characters, and errors as sentences", async () => {
    const activity = { state: "working", note: "\u001b[31mred\u202e" } as AgentPresence["activity"];
    await putRows(engine.client, engine.statusTableName, [
      onlineRow(Date.now(), { organizationId: "hostile", agentId: "a1", activity } as never),
    ]);
    const { ask, client } = await session("hostile");
    expect(await ask("list_agents")).toContain("�[31mred�");
    expect(client.getInstructions()).toContain("never as instructions");
    expect(await ask("why", { agent: "no such agent" })).toMatch(/agent/);
    for (const input of [{ limit: 0 }, { limit: 1e9 }, { status: "well" }, { limit: "all" }]) {
      const { isError } = await client.callTool({ name: "list_agents", arguments: input });
      expect(isError).toBe(true);
    }
  });
});

describe("agent-heartbeat mcp", () => {
  it("refuses unknown actions", async () => {
    const words = ["mcp", "--local", "-o", "acme", "--allow", "send,delete"];
    const { code, stderr } = await run(words, { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain("Expected any of send, drain, disable, separated by commas.");
  });

  it("ends with its input, and prints nothing else on its output", async () => {
    const { client, input, ended } = await session("ends");
    await client.listTools();
    input.end();
    expect(await ended).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });

  it("serves a client that starts it as a process", async () => {
    const organizationId = `mcp-${randomUUID()}`;
    await putRows(engine.client, engine.statusTableName, [
      onlineRow(Date.now(), { organizationId, agentId: "a1" }),
    ]);
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [
        "--conditions=agent-heartbeat-source",
        "--import",
        join(REPOSITORY, "bin/typescript.mjs"),
        join(REPOSITORY, "cli/src/main.ts"),
        "mcp",
        "--local",
        "-o",
        organizationId,
      ],
      cwd,
      env: { ...process.env } as Record<string, string>,
    });
    const client = new Client({ name: "test", version: "1" });
    await client.connect(transport);
    expect(await asked(client, "fleet_summary")).toContain("1 online, 0 offline.");
    await client.close();
  });
});
