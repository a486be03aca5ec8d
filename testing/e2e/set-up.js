/**
 * Starts local runtimes for the end-to-end suite, one per mode, unless a deployment is configured.
 */

const { spawn } = require("node:child_process");
const { mkdtempSync } = require("node:fs");
const { once } = require("node:events");
const { join } = require("node:path");
const { createInterface } = require("node:readline");

const ROOT = join(__dirname, "../..");

module.exports = async function setUp() {
  if (process.env.AGENT_HEARTBEAT_TARGET || process.env.AGENT_HEARTBEAT_DIRECT_TARGET) return;
  // Inside the repository, so that the bundled functions can import its packages.
  const directory = mkdtempSync(join(ROOT, ".e2e-"));
  const runtime = spawn(
    process.execPath,
    [
      "--conditions=agent-heartbeat-source",
      "--import",
      "tsx",
      join(__dirname, "serve.ts"),
      directory,
    ],
    { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] },
  );
  globalThis.endToEnd = { runtime, directory };
  const lines = createInterface({ input: runtime.stdout });
  const ready = new Promise((resolve) => {
    lines.on("line", (line) => line === "ready" && resolve(true));
  });
  const ended = once(runtime, "exit").then(() => false);
  if (!(await Promise.race([ready, ended]))) throw new Error("the local runtimes did not start");
  process.env.AGENT_HEARTBEAT_TARGET = join(directory, "outputs.json");
  process.env.AGENT_HEARTBEAT_DIRECT_TARGET = join(directory, "direct-outputs.json");
};
