import type { Activity, AgentPresence } from "@agent-heartbeat/sdk/status";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ProfileStore } from "../../../lambda/profile/store";
import { localFolder, type RunOptions, run } from "../../../testing/cli/run";
import { type Engine, startEngine } from "../../../testing/engine";
import { offlineRow, onlineRow, putRows } from "../../../testing/status-rows";

let engine: Engine;
let cwd: string;
beforeAll(async () => {
  engine = await startEngine();
  cwd = await localFolder(engine);
});
afterAll(() => engine.stop());

const put = (...rows: ReturnType<typeof onlineRow>[]) =>
  putRows(engine.client, engine.statusTableName, rows);

const status = (organizationId: string, args: string[] = [], options: RunOptions = {}) =>
  run(["status", ...args, "--local", "--organization", organizationId], { cwd, ...options });

describe("status", () => {
  it("shows who is online, and why the others are not", async () => {
    const now = Date.now();
    await put(
      onlineRow(now, {
        organizationId: "table",
        agentId: "a1",
        activity: { state: "working", task: "tasks.process", startedAt: now - 42_000 },
      }),
      offlineRow(now - 30_000, { organizationId: "table", agentId: "a2" }),
      onlineRow(now - 600_000, { organizationId: "table", agentId: "a3" }),
    );
    const { code, stdout } = await status("table");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^AGENT +STATUS +FOR +HEARTBEAT +LEASE ENDS +REASON +ACTIVITY$/m);
    expect(stdout).toMatch(
      /^a1 +● online +1:0\d +\d s ago +in 1:\d\d +- +working on tasks\.process for 4\d s$/m,
    );
    expect(stdout).toMatch(/^a2 +○ offline +3\d s +3\d s ago +- +client_closed$/m);
    expect(stdout).toMatch(/^a3 +○ offline +8:\d\d +10:0\d ago +- +lease_expired$/m);
    expect(stdout).toContain("1 online, 2 offline");
  });

  it("marks an agent that is online, but whose work has stalled", async () => {
    const now = Date.now();
    await put(onlineRow(now, { organizationId: "stalled", stallsAt: now - 5000 }));
    expect((await status("stalled")).stdout).toMatch(/^a1 +● stalled +/m);
    expect((await status("stalled", ["a1"])).stdout).toMatch(/^stalled since .*\(\d+ s ago\)$/m);
  });

  it("prints the derived status as JSON", async () => {
    const now = Date.now();
    await put(onlineRow(now - 600_000, { organizationId: "json" }));
    const agents: AgentPresence[] = JSON.parse((await status("json", ["--json"])).stdout);
    expect(agents).toEqual([
      expect.objectContaining({ agentId: "a1", status: "offline", reason: "lease_expired" }),
    ]);
  });

  it.each([
    [{ state: "idle" }, "idle"],
    [{ state: "draining", inFlight: 2 }, "draining, 2 in flight"],
    [{ state: "blocked", eventLoopLagMs: 40_000 }, "blocked 40 s"],
    [{ state: "working", task: "t", eventLoopLagMs: 2000 }, "working on t, event loop 2 s late"],
    [{ state: "working", task: "t", note: "page 3 of 9" }, "working on t, page 3 of 9"],
  ] as [Activity, string][])("shows what an agent is doing: %p", async (activity, words) => {
    await put(onlineRow(Date.now(), { organizationId: "doing", activity }));
    expect((await status("doing", ["a1"])).stdout).toMatch(new RegExp(`^activity +${words}$`, "m"));
  });

  it("finds stalled agents, which are also online, and shows since when", async () => {
    const now = Date.now();
    const organizationId = "stuck";
    const activity = { state: "working", task: "tasks.process" } as const;
    await put(
      onlineRow(now, { organizationId, agentId: "a1", activity, stallsAt: now - 120_000 }),
      onlineRow(now, { organizationId, agentId: "a2", activity }),
    );
    const { stdout } = await status(organizationId, ["--status", "stalled"]);
    expect(stdout).toMatch(/^a1 +● stalled .*stalled 2:0\d on tasks\.process$/m);
    expect(stdout).not.toContain("a2");
    expect((await status(organizationId, ["a1", "--status", "stalled"])).code).toBe(0);
    expect((await status(organizationId, ["a1", "--status", "online"])).code).toBe(0);
    const other = await status(organizationId, ["a2", "--status", "stalled"]);
    expect(other).toMatchObject({ code: 5, stderr: "error: Agent a2 is online.\n" });
  });

  it("finds draining agents, which are also online", async () => {
    const now = Date.now();
    const organizationId = "leaving";
    const activity = { state: "draining" } as const;
    await put(
      onlineRow(now, { organizationId, agentId: "a1", activity }),
      onlineRow(now, { organizationId, agentId: "a2" }),
    );
    const { stdout } = await status(organizationId, ["--status", "draining"]);
    expect(stdout).toMatch(/^a1 +● draining /m);
    expect(stdout).not.toContain("a2");
    expect((await status(organizationId, ["a1", "--status", "online"])).code).toBe(0);
    const other = await status(organizationId, ["a2", "--status", "draining"]);
    expect(other).toMatchObject({ code: 5, stderr: "error: Agent a2 is online.\n" });
  });

  it("finds agents by capability", async () => {
    const now = Date.now();
    const organizationId = "skills";
    await put(
      onlineRow(now, { organizationId, agentId: "a1" }),
      onlineRow(now, { organizationId, agentId: "a2" }),
    );
    for (const agentId of ["a1", "a2"]) {
      const args = ["--agent", agentId, "--generate-key", `${organizationId}-${agentId}.pem`];
      await run(["agents", "register", "--local", "-o", organizationId, ...args], { cwd });
    }
    const profiles = new ProfileStore(engine.client, engine.registryTableName);
    const profile = { capabilities: ["summarize"], metadata: { version: "1.4.2" } };
    await profiles.put({ organizationId, agentId: "a2", fencingToken: Date.now() }, profile);
    const found = await status(organizationId, ["--capability", "summarize", "--json"]);
    expect(JSON.parse(found.stdout)).toEqual([expect.objectContaining({ agentId: "a2", profile })]);
    expect((await status(organizationId, ["--capability", "sum"])).stdout).toBe(
      "Organization skills has no agents with a status and the capability sum.\n",
    );
    expect((await status(organizationId, ["a1", "--capability", "x"])).code).toBe(2);
    const get = await run(["agents", "get", "--local", "-o", organizationId, "-a", "a2"], { cwd });
    expect(get.stdout).toMatch(/^capabilities +summarize$/m);
    expect(get.stdout).toMatch(/^metadata +\{"version":"1.4.2"\}$/m);
  });

  it("shows only agents with the requested status", async () => {
    const now = Date.now();
    await put(
      onlineRow(now, { organizationId: "filter", agentId: "on" }),
      offlineRow(now, { organizationId: "filter", agentId: "off" }),
    );
    const idsOf = async (wanted: string) => {
      const { stdout } = await status("filter", ["--json", "--status", wanted]);
      return JSON.parse(stdout).map((agent: AgentPresence) => agent.agentId);
    };
    expect(await idsOf("online")).toEqual(["on"]);
    expect(await idsOf("offline")).toEqual(["off"]);
    expect((await status("filter", ["--status", "asleep"])).code).toBe(2);
  });

  it("never shows another organization's agents", async () => {
    await put(onlineRow(Date.now(), { organizationId: "theirs" }));
    expect((await status("ours")).stdout).toBe("Organization ours has no agents with a status.\n");
    expect((await status("ours", ["a1"])).code).toBe(3);
  });

  it("uses the server's clock if the local one is wrong", async () => {
    await put(onlineRow(Date.now(), { organizationId: "skew" }));
    const { stdout } = await status("skew", ["a1"], { now: () => Date.now() + 3_600_000 });
    expect(stdout).toMatch(/^status +online$/m);
    expect(stdout).toMatch(/^last heartbeat .*\(\d s ago\)$/m);
  });

  it("takes the organization from the environment", async () => {
    await put(onlineRow(Date.now(), { organizationId: "from-env" }));
    const env = { AGENT_HEARTBEAT_ORGANIZATION: "from-env" };
    const { stdout } = await run(["status", "--local", "--json"], { cwd, env });
    expect(JSON.parse(stdout)).toHaveLength(1);
  });
});

describe("status of one agent", () => {
  it("shows every known field", async () => {
    await put(onlineRow(Date.now(), { organizationId: "one" }));
    const { code, stdout } = await status("one", ["a1"]);
    expect(code).toBe(0);
    for (const name of ["agent", "status", "since", "lease ends", "connection", "instance"]) {
      expect(stdout).toMatch(new RegExp(`^${name} `, "m"));
    }
  });

  it("sets the exit code for scripts", async () => {
    await put(onlineRow(Date.now(), { organizationId: "script" }));
    expect((await status("script", ["a1", "--status", "online"])).code).toBe(0);
    const other = await status("script", ["a1", "--status", "offline"]);
    expect(other.code).toBe(5);
    expect(other.stderr).toContain("Agent a1 is online.");
    expect((await status("script", ["ghost", "--status", "online"])).code).toBe(3);
  });
});

describe("status --watch", () => {
  /** Runs `steps` between the readings, one after each, then interrupts. */
  function steps(...work: (() => Promise<unknown>)[]): Pick<RunOptions, "signal" | "wait"> {
    const interruption = new AbortController();
    const pending = [...work];
    return {
      signal: interruption.signal,
      wait: async () => {
        const next = pending.shift();
        if (next) await next();
        else interruption.abort();
      },
    };
  }

  it("prints a line for each agent, then one for each change", async () => {
    const now = Date.now();
    const key = { organizationId: "watch-lines" };
    await put(onlineRow(now, { ...key, agentId: "a1" }));
    const changes = steps(
      () => put(onlineRow(now, { ...key, agentId: "a2" })),
      () => Promise.resolve(),
      () => put(offlineRow(now, { ...key, agentId: "a1", reason: "connection_lost" })),
      () => put(offlineRow(now, { ...key, agentId: "a2", ttlEpochSeconds: 1 })),
    );
    const { code, stdout } = await status("watch-lines", ["--watch"], changes);
    expect(code).toBe(0);
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.split("  ").slice(1).join(" ")),
    ).toEqual(["a1 online", "a2 online", "a1 offline (connection_lost)", "a2 removed"]);
  });

  it("prints each change as a line of JSON", async () => {
    const now = Date.now();
    const organizationId = "watch-json";
    await put(onlineRow(now, { organizationId }));
    const changes = steps(() => put(offlineRow(now, { organizationId })));
    const { stdout } = await status(organizationId, ["--watch", "--json"], changes);
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { at: now - 60_000, agentId: "a1", status: "online", previousStatus: null, reason: null },
      {
        at: now,
        agentId: "a1",
        status: "offline",
        previousStatus: "online",
        reason: "client_closed",
      },
    ]);
  });

  it("prints when work stalls, and when it continues", async () => {
    const now = Date.now();
    const organizationId = "watch-stall";
    await put(onlineRow(now, { organizationId }));
    const changes = steps(
      () => put(onlineRow(now, { organizationId, stallsAt: now - 1000 })),
      () => put(onlineRow(now, { organizationId })),
    );
    const { stdout } = await status(organizationId, ["--watch", "--json"], changes);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).status)).toEqual(["online", "stalled", "online"]);
    expect(JSON.parse(lines[1] ?? "")).toMatchObject({ at: now - 1000, previousStatus: "online" });
  });

  it("redraws in place at a terminal, and never more than fits", async () => {
    const rows = Array.from({ length: 30 }, (_, index) =>
      onlineRow(Date.now(), { organizationId: "watch-tty", agentId: `a${index}` }),
    );
    await put(...rows);
    const { stdout } = await status("watch-tty", ["--watch"], {
      ...steps(() => Promise.resolve()),
      isTTY: true,
      columns: 100,
      rows: 20,
    });
    const [first = "", second = ""] = stdout.split("\u001b[J");
    const lines = first.split("\n").length - 1;
    expect(lines).toBeLessThan(20);
    expect(first).toContain("… and 17 more");
    expect(second.startsWith(`\r\u001b[${lines}A`)).toBe(true);
    expect(second).toContain("Ctrl-C ends it.");
  });

  it("continues when a read fails, and reports the failure", async () => {
    await put(onlineRow(Date.now(), { organizationId: "watch-fail" }));
    const other = await startEngine();
    await putRows(other.client, other.statusTableName, [
      onlineRow(Date.now(), { organizationId: "watch-fail" }),
    ]);
    const { code, stderr } = await status("watch-fail", ["--watch"], {
      ...steps(() => other.stop()),
      cwd: await localFolder(other),
    });
    expect(code).toBe(0);
    expect(stderr).toContain("not up to date");
  });

  it.each(["0", "x", "-1", "4000"])("refuses the interval %p", async (interval) => {
    const { code, stderr } = await status("watch", ["--watch", "--interval", interval]);
    expect(code).toBe(2);
    expect(stderr).toContain("Expected seconds, from 0.2 to 3600.");
  });
});

describe("colours", () => {
  const coloured = (options: RunOptions, args: string[] = []) =>
    status("colours", args, { isTTY: true, columns: 120, ...options });

  it("are for terminals only, and are turned off by NO_COLOR, TERM=dumb or --no-color", async () => {
    await put(onlineRow(Date.now(), { organizationId: "colours" }));
    const colour = "\u001b[";
    expect((await coloured({})).stdout).toContain(colour);
    expect((await coloured({ isTTY: false })).stdout).not.toContain(colour);
    expect((await coloured({ env: { NO_COLOR: "1" } })).stdout).not.toContain(colour);
    expect((await coloured({ env: { TERM: "dumb" } })).stdout).not.toContain(colour);
    expect((await coloured({}, ["--no-color"])).stdout).not.toContain(colour);
    expect((await coloured({}, ["--json"])).stdout).not.toContain(colour);
  });
});
