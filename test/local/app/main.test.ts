import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { WebSocket } from "ws";
import { until } from "../../../testing/e2e/until";
import { firstLine } from "../../../testing/first-line";
import { bundleStart, PACKAGES } from "../../../testing/start-program";

const ASSEMBLY = ["--assembly", join(__dirname, "../aws/fixture")];

describe("agent-heartbeat local", () => {
  let programs: string;
  let program: string;
  beforeAll(async () => {
    programs = mkdtempSync(join(tmpdir(), "start-"));
    program = await bundleStart(programs);
  });
  afterAll(() => rmSync(programs, { recursive: true, force: true }));

  let directory: string;
  let children: ChildProcess[] = [];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "local-main-"));
  });
  afterEach(() => {
    for (const child of children) child.kill("SIGKILL");
    children = [];
    rmSync(directory, { recursive: true, force: true });
  });

  function start(...args: string[]) {
    const child = spawn(process.execPath, [program, "local", ...args], {
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...PACKAGES, NO_COLOR: "1" },
    });
    children.push(child);
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    const ready = firstLine(child, "ready");
    ready.catch(() => undefined);
    const exit = once(child, "close").then(([code]) => ({ code: code as number, errors }));
    return { child, ready, exit };
  }

  const outputsFile = () => join(directory, ".local", "outputs.json");
  const outputs = () => JSON.parse(readFileSync(outputsFile(), "utf8"));

  /** The engine's process, and its guard, which waits for the end of the runtime. */
  function engineOf(runtime: ChildProcess): { pid: number; group: number } {
    const all = execFileSync("ps", ["-e", "-o", "ppid=,pid=,pgid=,args="], { encoding: "utf8" });
    const line = all
      .split("\n")
      .find((text) => text.trim().startsWith(`${runtime.pid} `) && text.includes("dynoxide serve"));
    const [, pid = 0, group = 0] = (line ?? "").trim().split(/\s+/).map(Number);
    expect(pid).toBeGreaterThan(0);
    return { pid, group };
  }

  async function vanished({ group }: { group: number }): Promise<void> {
    const groups = () =>
      execFileSync("ps", ["-e", "-o", "pgid="], { encoding: "utf8" }).split("\n");
    await until(async () => groups().every((text) => Number(text) !== group) || undefined);
  }

  it.each(["SIGINT", "SIGTERM"] as const)(
    "ends on %s and leaves nothing behind",
    async (signal) => {
      const { child, ready, exit } = start("--port", "0", ...ASSEMBLY);
      expect(await ready).toContain("ws://127.0.0.1:");
      expect(outputs()).toMatchObject({ statusTableName: "Fixture-Items", pid: child.pid });
      const socket = new WebSocket(outputs().webSocketUrl, { headers: { "x-user": "ann" } });
      await once(socket, "open");
      const engine = engineOf(child);
      child.kill(signal);
      const [code] = await once(socket, "close");
      expect(code).toBe(1001);
      expect(await exit).toEqual({ code: 0, errors: "" });
      expect(existsSync(outputsFile())).toBe(false);
      await vanished(engine);
    },
  );

  it("ends its engine even if it is killed", async () => {
    const { child, ready, exit } = start("--port", "0", ...ASSEMBLY);
    await ready;
    const engine = engineOf(child);
    child.kill("SIGKILL");
    await exit;
    await vanished(engine);
  });

  it("ends with an error of one sentence if its engine ends", async () => {
    const { child, ready, exit } = start("--port", "0", ...ASSEMBLY);
    await ready;
    process.kill(engineOf(child).pid, "SIGKILL");
    expect(await exit).toEqual({
      code: 1,
      errors: "error: The DynamoDB engine: it ended with SIGKILL\n",
    });
    expect(existsSync(outputsFile())).toBe(false);
  });

  it("keeps the data of a directory across starts", async () => {
    const args = ["--port", "0", "--data", "data", ...ASSEMBLY];
    for (let run = 1; run <= 2; run++) {
      const { child, ready, exit } = start(...args);
      await ready;
      child.kill("SIGINT");
      expect(await exit).toEqual({ code: 0, errors: "" });
    }
    expect(existsSync(join(directory, "data", "tables.db"))).toBe(true);
  });

  it("reports in one sentence that a port is in use", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    expect(await start("--port", String(port), ...ASSEMBLY).exit).toEqual({
      code: 1,
      errors: `error: Port ${port} is in use: stop the process that uses it, or choose another port with --port <number>\n`,
    });
    server.close();
  });

  it.each([
    [2, ["--port", "x"], "Option '--port <number>' argument 'x' is invalid. Expected a number"],
    [2, ["--colour"], "Unknown option '--colour'"],
    [2, ["--app", "--assembly", "x"], "--app and --assembly exclude each other."],
    [1, ["--host", "here:80"], '--host: expected names or addresses without a port, got "here:80"'],
    [1, ["--agent", "a1"], '--agent: expected <organization>/<agent>, got "a1"'],
    [1, ["--assembly", "none"], "none/manifest.json: is it the output of cdk synth?"],
    [1, ["--app"], "cdk.json: "],
    [
      1,
      ["--app", "echo Error: no such construct >&2; exit 1"],
      "The app can't be synthesized: no such construct",
    ],
  ])(
    "reports in one sentence, and ends with %i, what is wrong with %j",
    async (code, args, message) => {
      const ended = await start(...args).exit;
      expect(ended.code).toBe(code);
      expect(ended.errors).toContain(message);
      expect(ended.errors.replace("See --help.\n", "").trim().split("\n")).toHaveLength(1);
    },
  );
});
