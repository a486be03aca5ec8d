import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { emptyFolder, localFolder } from "../../testing/cli/run";
import { type Engine, startEngine } from "../../testing/engine";
import { firstLine } from "../../testing/first-line";
import { onlineRow, putRows } from "../../testing/status-rows";

const CLI = join(__dirname, "../../cli");
const exec = promisify(execFile);

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

let engine: Engine;
let cwd: string;
let bin: string;

// Built outside of the checkout, where no package can be found: the bundle has all it needs.
beforeAll(async () => {
  const folder = await emptyFolder();
  bin = join(folder, "bin", "agent-heartbeat.mjs");
  await mkdir(join(folder, "bin"));
  await copyFile(join(CLI, "bin", "agent-heartbeat.mjs"), bin);
  await exec(process.execPath, [join(CLI, "build.mjs"), join(folder, "dist")]);
  engine = await startEngine();
  cwd = await localFolder(engine);
});
afterAll(() => engine.stop());

const env = () => ({ PATH: process.env.PATH, AGENT_HEARTBEAT_ORGANIZATION: "acme" });

async function command(args: string[], folder = cwd): Promise<Ended> {
  try {
    const { stdout, stderr } = await exec(process.execPath, [bin, ...args], {
      cwd: folder,
      env: env(),
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as Ended;
  }
}

describe("the installed command", () => {
  it("registers an agent and shows it, with nothing on stderr", async () => {
    const args = ["--local", "--agent", "a1", "--generate-key", "a1.pem"];
    expect(await command(["agents", "register", ...args])).toMatchObject({ code: 0, stderr: "" });
    const list = await command(["agents", "list", "--local", "--json"]);
    expect(JSON.parse(list.stdout)).toEqual([expect.objectContaining({ agentId: "a1" })]);
    expect(list.stderr).toBe("");
  });

  it.each([
    ["the disk is full", "trap '' XFSZ; "],
    ["the process is ended while it writes", ""],
  ])("leaves no key file behind if %s", async (_, prepare) => {
    const folder = await emptyFolder();
    // No file may grow: the write fails or, unless the signal is ignored, the process ends.
    const script = `${prepare}ulimit -f 0; exec "$0" "$1" keys generate --out a1.pem`;
    const ended = await exec("bash", ["-c", script, process.execPath, bin], { cwd: folder }).catch(
      (error: unknown) => error,
    );
    expect(ended).toHaveProperty("cmd");
    expect((await readdir(folder)).filter((name) => !name.endsWith(".tmp"))).toEqual([]);
  });

  it("says what to install where the local service is not", async () => {
    const { code, stdout, stderr } = await command(["local"], await emptyFolder());
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("a separate package, which is not installed.");
    expect(stderr).toContain("`npm install @agent-heartbeat/local`");
  });

  it("answers --help and usage errors with their exit codes", async () => {
    expect(await command(["--help"])).toMatchObject({ code: 0, stderr: "" });
    expect(await command(["bogus"])).toMatchObject({ code: 2, stdout: "" });
  });

  it("starts from a small part of the bundle: AWS clients are loaded when they are needed", async () => {
    const dist = join(bin, "../../dist");
    const pending = ["main.js"];
    let bytes = 0;
    for (const file of pending) {
      const text = await readFile(join(dist, file), "utf8");
      bytes += text.length;
      for (const [, chunk = ""] of text.matchAll(/(?:from|import)"\.\/(chunk-[A-Z0-9]+\.js)"/g)) {
        if (!pending.includes(chunk)) pending.push(chunk);
      }
    }
    expect(pending.length).toBeGreaterThan(1);
    expect(bytes).toBeLessThan(150_000);
  });

  it("refuses to remove without a confirmation if there is no terminal", async () => {
    const args = ["agents", "remove", "--local", "--agent", "ghost"];
    expect(await command(args)).toMatchObject({ code: 2, stdout: "" });
  });

  it("says so in one sentence if the local service has ended", async () => {
    const ended = await startEngine();
    const folder = await localFolder(ended);
    await ended.stop();
    const { code, stderr } = await command(["status", "--local"], folder);
    expect(code).toBe(4);
    expect(stderr).toMatch(/^error: connect ECONNREFUSED .*\nIs the local service running\? .*\n$/);
  });

  it("ends a watch with code 0 when it is interrupted", async () => {
    await putRows(engine.client, engine.statusTableName, [onlineRow(Date.now())]);
    const watching = spawn(process.execPath, [bin, "status", "--local", "--watch"], {
      cwd,
      env: env(),
      stdio: ["ignore", "pipe", "inherit"],
    });
    expect(await firstLine(watching)).toContain("a1  online");
    watching.kill("SIGINT");
    const [code] = await once(watching, "exit");
    expect(code).toBe(0);
  });
});
