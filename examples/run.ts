/**
 * `npm run example <name>`: runs an example against the local runtime or a deployed stack.
 *
 * A program (`main.ts`, or `main.py` in Python) is registered first, with its own key. A CDK app
 * (`app.ts`) is synthesized, or deployed with `--deploy`.
 */

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { boundedClient } from "@agent-heartbeat/sdk/status";
import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";

const ROOT = resolve(__dirname, "..");
const LOCAL = resolve(".local");
const STATE = join(LOCAL, "examples");
const TSX = pathToFileURL(require.resolve("tsx")).href;
const SOURCES = ["--conditions=agent-heartbeat-source", "--import", TSX];

/**
 * Examples that watch a fleet. They connect as viewers with a key type that every browser supports.
 */
const VIEWERS = ["browser-viewer", "python-status-api", "slack-alert"];

/** Examples that start workers, which are registered as `example-<name>-1` and so on, with the same key. */
const WITH_WORKERS = ["dispatch", "python-dispatch"];
const WORKERS = 3;

/** What an example may consist of. */
const FILES = ["main.ts", "main.py", "app.ts"];
type Paths = [program: string, inPython: string, app: string];

const USAGE = `Usage: npm run example <name> [-- options]

  --stack <name>          connect to this deployed stack (default: the local runtime)
  --organization <id>     organization to register in (default: demo)
  --deploy                deploy a CDK example with your AWS credentials

Examples: ${namesIn(__dirname).join(", ")}`;

interface Options {
  stack: string | undefined;
  organization: string;
  deploy: boolean;
}

async function main(args: string[]): Promise<number> {
  const { name, ...options } = parse(args);
  const [program, inPython, app] = FILES.map((file) => join(__dirname, name, file)) as Paths;
  if (options.deploy || ![program, inPython].some((path) => existsSync(path))) {
    if (!existsSync(app)) throw new Error(`${name} is not a CDK app: omit --deploy`);
    const command = [process.execPath, ...SOURCES, app].join(" ");
    if (options.deploy) return run("npx", ["cdk", "deploy", "--app", command]);
    const output = join(STATE, name);
    const code = await run("npx", [
      "cdk",
      "synth",
      "--quiet",
      "--output",
      output,
      "--app",
      command,
    ]);
    if (code === 0) console.log(`The template is in ${output}. Deploy it with --deploy.`);
    return code;
  }
  const environment = process.env.AGENT_HEARTBEAT_URL ? {} : await registered(name, options);
  if (existsSync(program)) return run(process.execPath, [...SOURCES, program], environment);
  return run(python(), [inPython], environment);
}

/** The environment of `python3 python/check.py --prepare`, or else the Python on the path. */
function python(): string {
  const [posix, windows] = ["bin/python", "Scripts/python.exe"].map((path) =>
    join(ROOT, "python", ".venv", path),
  );
  return [posix, windows].find((path) => path !== undefined && existsSync(path)) ?? "python3";
}

function parse(args: string[]): Options & { name: string } {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      stack: { type: "string" },
      organization: { type: "string", default: "demo" },
      deploy: { type: "boolean", default: false },
    },
  });
  const [name = ""] = positionals;
  if (!namesIn(__dirname).includes(name)) {
    throw new Error(`expected the name of an example, got "${positionals.join(" ")}"\n\n${USAGE}`);
  }
  return { name, stack: values.stack, organization: values.organization, deploy: values.deploy };
}

/** Registers the example if necessary. Returns the environment variables of settings.ts. */
async function registered(name: string, { stack, organization }: Options) {
  const url = stack === undefined ? localUrl() : await urlOf(stack);
  const agentId = `example-${name}`;
  const key = join(STATE, stack ?? "local", organization, `${agentId}.pem`);
  mkdirSync(join(key, ".."), { recursive: true });
  const target = stack === undefined ? ["--local"] : ["--stack", stack];
  const role = VIEWERS.includes(name) ? ["--role", "viewer", "--algorithm", "p256"] : [];
  const workers = WITH_WORKERS.includes(name)
    ? Array.from({ length: WORKERS }, (_, index) => `${agentId}-${index + 1}`)
    : [];
  for (const each of [agentId, ...workers]) {
    register([...target, "--organization", organization, "--agent", each], role, key);
  }
  return {
    AGENT_HEARTBEAT_URL: url,
    AGENT_HEARTBEAT_ORGANIZATION: organization,
    AGENT_HEARTBEAT_AGENT: agentId,
    AGENT_HEARTBEAT_KEY: key,
  };
}

function register(agent: string[], role: string[], key: string): void {
  const keys = existsSync(key) ? ["--public-key", `${key}.pub`] : ["--generate-key", key];
  const cli = join(ROOT, "cli", "bin", "agent-heartbeat.mjs");
  const { status } = spawnSync(process.execPath, [cli, "agents", "get", ...agent]);
  // An agent registered with another key is not detected here. Its login is rejected.
  if (status === 0 && existsSync(key)) return;
  const words = [cli, "agents", "register", ...agent, ...role, ...keys];
  const { status: refused } = spawnSync(process.execPath, words, { stdio: "inherit" });
  if (refused !== 0) throw new Error(`${agent.at(-1)} could not be registered`);
}

function localUrl(): string {
  const outputs = join(LOCAL, "outputs.json");
  if (!existsSync(outputs)) throw new Error("the local service is not running: npm start");
  return (JSON.parse(readFileSync(outputs, "utf8")) as { webSocketUrl: string }).webSocketUrl;
}

async function urlOf(stack: string): Promise<string> {
  const client = boundedClient(CloudFormationClient, {});
  const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stack }));
  const output = Stacks?.[0]?.Outputs?.find(({ OutputKey }) => OutputKey?.endsWith("WebSocketUrl"));
  if (output?.OutputValue) return output.OutputValue;
  throw new Error(`stack ${stack}: expected an output WebSocketUrl, got none`);
}

/** @returns the program's exit code */
function run(
  command: string,
  args: string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<number> {
  const child = spawn(command, args, {
    stdio: "inherit",
    env: { ...process.env, ...environment },
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((done, fail) => child.on("error", fail).on("exit", (code) => done(code ?? 1)));
}

function namesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) =>
    FILES.some((file) => existsSync(join(folder, name, file))),
  );
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error((error as Error).message);
    process.exitCode = 1;
  },
);
