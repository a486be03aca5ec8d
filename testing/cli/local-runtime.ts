/** A local runtime of the real stack, which the command finds like one started by `npm start`. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";

const ROOT = join(__dirname, "../..");
const SERVE = join(ROOT, "testing/e2e/serve.ts");

export interface Runtime {
  /** The folder to run the command in. */
  cwd: string;
  webSocketUrl: string;
  stop(): Promise<void>;
}

export async function startRuntime(): Promise<Runtime> {
  // Inside the repository, so that the bundled functions can import its packages.
  await mkdir(join(ROOT, ".local"), { recursive: true });
  const cwd = await mkdtemp(join(ROOT, ".local", "cli-"));
  const outputs = join(cwd, ".local");
  await mkdir(outputs);
  const runtime = spawn(
    process.execPath,
    ["--conditions=agent-heartbeat-source", "--import", "tsx", SERVE, outputs],
    { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] },
  );
  const stop = async () => {
    await ended(runtime);
    await rm(cwd, { recursive: true });
  };
  if (await isReady(runtime)) {
    const { webSocketUrl } = JSON.parse(await readFile(join(outputs, "outputs.json"), "utf8"));
    return { cwd, webSocketUrl, stop };
  }
  await stop();
  throw new Error("the local runtime did not start");
}

async function isReady(runtime: ChildProcess & { stdout: NodeJS.ReadableStream }) {
  const lines = createInterface({ input: runtime.stdout });
  const ready = new Promise<boolean>((resolve) => {
    lines.on("line", (line) => line === "ready" && resolve(true));
  });
  return Promise.race([ready, once(runtime, "exit").then(() => false)]);
}

/** The runtime stops when its standard input ends. */
async function ended(runtime: ChildProcess): Promise<void> {
  if (runtime.exitCode !== null || runtime.signalCode !== null) return;
  const exit = once(runtime, "exit");
  runtime.stdin?.end();
  await exit;
}
