/** Starts a local runtime for the end-to-end suite, unless it is given a deployment. */

const { spawn } = require("node:child_process");
const { mkdtempSync } = require("node:fs");
const { once } = require("node:events");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { createInterface } = require("node:readline");
const { openRunFolder } = require("../run-folder");

const ROOT = join(__dirname, "../..");

module.exports = async function setUp() {
  openRunFolder();
  if (process.env.AGENT_HEARTBEAT_TARGET) return;
  const directory = mkdtempSync(join(tmpdir(), "e2e-"));
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
  if (!(await Promise.race([ready, ended]))) throw new Error("the local runtime did not start");
  process.env.AGENT_HEARTBEAT_TARGET = join(directory, "outputs.json");
  process.env.AGENT_HEARTBEAT_ASSEMBLY = join(directory, "cdk.out");
};
