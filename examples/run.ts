/**
 * `npm run example <name>`: registers an agent for the example with the local runtime, which must be running, and
 * starts it. For a deployed stack, set AGENT_HEARTBEAT_URL and the other variables of settings.ts instead.
 */

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(__dirname, "..");
const STATE = join(ROOT, ".local", "examples");
const ORGANIZATION = "demo";

function main([name]: string[]): void {
  const program = join(__dirname, name ?? "", "main.ts");
  if (!name || !existsSync(program)) throw new Error(`expected an example, got ${name ?? "none"}`);
  const environment = process.env.AGENT_HEARTBEAT_URL ? process.env : localEnvironment(name);
  const child = spawn(
    process.execPath,
    ["--conditions=agent-heartbeat-source", "--import", "tsx", program],
    { stdio: "inherit", env: environment },
  );
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  child.on("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}

function localEnvironment(name: string): NodeJS.ProcessEnv {
  const outputs = join(ROOT, ".local", "outputs.json");
  if (!existsSync(outputs)) throw new Error("the local runtime is not running: npm start");
  const { webSocketUrl } = JSON.parse(readFileSync(outputs, "utf8")) as { webSocketUrl: string };
  const agentId = `example-${name}`;
  const key = join(STATE, `${agentId}.pem`);
  mkdirSync(STATE, { recursive: true });
  const agent = ["--local", "--organization", ORGANIZATION, "--agent", agentId];
  const keys = existsSync(key) ? ["--public-key", `${key}.pub`] : ["--generate-key", key];
  // An agent that is registered already, with this key, is as good.
  spawnSync(
    process.execPath,
    [join(ROOT, "cli/bin/agent-heartbeat.mjs"), "agents", "register", ...agent, ...keys],
    {
      stdio: "inherit",
    },
  );
  return {
    ...process.env,
    AGENT_HEARTBEAT_URL: webSocketUrl,
    AGENT_HEARTBEAT_ORGANIZATION: ORGANIZATION,
    AGENT_HEARTBEAT_AGENT: agentId,
    AGENT_HEARTBEAT_KEY: key,
  };
}

main(process.argv.slice(2));
