/** Interrupts `npm start` at every stage. No process, port or folder may remain. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { outputWithout } from "../../../local/aws/processes/parent-death-guard";
import { until } from "../../../testing/e2e/until";
import { sampled } from "../../../testing/exhaustive";
import { bundleStart, FROM_SOURCES, PACKAGES } from "../../../testing/start-program";

const FIXTURE = ["--assembly", join(__dirname, "../aws/fixture")];

const BUILDING = "building";

/** An app and a child process that never end. A file shows that it is running. */
const ENDLESS = 'touch "$TMPDIR/../begun"; sleep 1000 & sleep 1000; true';

const STAGES = {
  "while the app is synthesized": { line: BUILDING, args: ["--app", ENDLESS] },
  "while the database starts": { line: "starting", args: FIXTURE },
  "while it runs": { line: "ready", args: FIXTURE },
} as const;
type Stage = keyof typeof STAGES;

let programs: string;
let bundled: string[];
beforeAll(async () => {
  programs = mkdtempSync(join(tmpdir(), "start-"));
  bundled = [await bundleStart(programs), "local"];
});
afterAll(() => rmSync(programs, { recursive: true, force: true }));

let directory: string;
let temporary: string;
let started: ChildProcess[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "interruption-"));
  temporary = join(directory, "tmp");
  mkdirSync(temporary);
});
afterEach(() => {
  for (const child of started) child.kill("SIGKILL");
  started = [];
  rmSync(directory, { recursive: true, force: true });
});

function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(command, args, {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    // The temporary folder in their environment identifies its processes.
    env: { ...process.env, ...PACKAGES, NO_COLOR: "1", TMPDIR: temporary, ...env },
  });
  started.push(child);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  /** Waits until a stage has printed its line, and, if an app is synthesized, until the app runs. */
  const reached = async (line: string) => {
    expect(await outputWithout(child, line)).toBeUndefined();
    if (line !== BUILDING) return;
    const begun = () => child.exitCode !== null || existsSync(join(directory, "begun"));
    await until(async () => begun() || undefined);
  };
  const exit = once(child, "exit").then(([code, signal]) => ({ code, signal, errors }));
  return { child, reached, exit };
}

const startMain = (args: readonly string[], program: readonly string[] = bundled) =>
  start(process.execPath, [...program, "--port", "0", ...args]);

/** The processes that have inherited the temporary folder. */
function processes(): string[] {
  const all = execFileSync("ps", ["axeww", "-o", "pid=,command="], { encoding: "utf8" });
  return all.split("\n").filter((line) => line.includes(`TMPDIR=${temporary}`));
}

const nothingRuns = () => until(async () => processes().length === 0 || undefined);

const assemblies = () =>
  readdirSync(join(directory, ".local")).filter((name) => name.startsWith("cdk.out"));

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const INTERRUPTIONS = Object.keys(STAGES).flatMap((stage) =>
  SIGNALS.map((signal) => [stage as Stage, signal] as const),
);

describe("a start interrupted", () => {
  // One with each signal, at each stage.
  it.each(sampled(INTERRUPTIONS, SIGNALS.length + 1))(
    "%s with %s prints nothing, and leaves nothing behind",
    async (stage, signal) => {
      const { line, args } = STAGES[stage];
      const { child, reached, exit } = startMain(args);
      await reached(line);
      child.kill(signal);
      expect(await exit).toEqual({ code: 0, signal: null, errors: "" });
      await nothingRuns();
      expect(readdirSync(temporary)).toEqual([]);
      expect(stage === "while it runs" ? [] : assemblies()).toEqual([]);
    },
  );
});

describe.each(Object.keys(STAGES) as Stage[])("a start interrupted %s", (stage) => {
  const { line, args } = STAGES[stage];

  it("with SIGKILL ends its processes too", async () => {
    const { child, reached, exit } = startMain(args);
    await reached(line);
    child.kill("SIGKILL");
    await exit;
    await nothingRuns();
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("by the end of its output's reader ends gracefully", async () => {
    const { child, reached, exit } = startMain([...args, "--verbose"]);
    await reached(line);
    child.stdout?.destroy();
    child.stderr?.destroy();
    if (stage !== "while the database starts") child.kill("SIGTERM");
    expect(await exit).toMatchObject({ code: 0, signal: null });
    await nothingRuns();
  });
});

describe("agent-heartbeat local", () => {
  it.each(sampled(Object.values(STAGES), 3))(
    "interrupted at its line %j leaves nothing behind, with the loader of its sources",
    async ({ line, args }) => {
      const { child, reached, exit } = startMain(args, FROM_SOURCES);
      await reached(line);
      child.kill("SIGINT");
      expect(await exit).toEqual({ code: 0, signal: null, errors: "" });
      await nothingRuns();
      expect(readdirSync(temporary)).toEqual([]);
    },
  );

  it("ends if npm is killed, and leaves nothing behind", async () => {
    const program = `
      const { spawn } = require("node:child_process");
      spawn(process.execPath, ${JSON.stringify([...FROM_SOURCES, "--port", "0", ...FIXTURE])}, { stdio: "inherit" });
    `;
    const npm = start(process.execPath, ["-e", program], { npm_lifecycle_event: "start" });
    await npm.reached("ready");
    npm.child.kill("SIGKILL");
    await npm.exit;
    await nothingRuns();
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("removes the assembly of a run that was killed before it could", async () => {
    const killed = startMain(["--app", ENDLESS]);
    await killed.reached(BUILDING);
    killed.child.kill("SIGKILL");
    await killed.exit;
    expect(assemblies()).toHaveLength(1);
    const failing = startMain(["--app", "false"]);
    expect(await failing.exit).toMatchObject({ code: 1 });
    expect(assemblies()).toEqual([]);
  });

  it("reports in one sentence that its folder can't be written, and what to do", async () => {
    writeFileSync(join(directory, ".local"), "");
    const { code, errors } = await startMain(["--app", "true"]).exit;
    expect(code).toBe(1);
    expect(errors).toBe(
      `error: Can't write ${join(directory, ".local")}: a file is in the place of a folder; ` +
        "make it writable, because the run stores its files there\n",
    );
  });

  it("reports in one sentence that a command produced no template", async () => {
    const { code, errors } = await startMain(["--app", "true"]).exit;
    expect(code).toBe(1);
    expect(errors).toBe('error: "true" produced no template: expected the command of a CDK app\n');
  });
});
