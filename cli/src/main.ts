/** The process: its streams, environment and signals, and the AWS clients, handed to the command. */

import type { IncomingMessage } from "node:http";
import { createInterface } from "node:readline/promises";
import { buffer } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { loadLocal } from "./commands/local";
import type { Io } from "./io";
import { run } from "./run";

// AWS announces the end of its support for this Node.js on stderr, in the middle of an answer.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";

/** An endpoint answers in less, or it is not there. */
const REACH_TIMEOUT_MS = 10_000;

const interruption = new AbortController();
/** Whether the command ends by itself when it is interrupted. */
let endsByItself = false;

const io: Io = {
  stdout: outputOf(process.stdout),
  stderr: outputOf(process.stderr),
  env: process.env,
  cwd: process.cwd(),
  now: Date.now,
  random: Math.random,
  wait: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
  get signal() {
    endsByItself = true;
    return interruption.signal;
  },
  ask,
  input: () => buffer(process.stdin),
  streams: () => ({ input: process.stdin, output: process.stdout }),
  browse,
  reach,
  runbook,
  async local(options, place) {
    const { runLocal } = await loadLocal(() => import("@agent-heartbeat/local"));
    await runLocal(options, place);
  },
  clients: {
    async dynamoDb(config) {
      const { DynamoDBClient } = await import("@aws-sdk/client-dynamodb");
      return bounded(DynamoDBClient, config);
    },
    async cloudFormation(config) {
      const { CloudFormationClient } = await import("@aws-sdk/client-cloudformation");
      return bounded(CloudFormationClient, config);
    },
    async eventBridge(config) {
      const { EventBridgeClient } = await import("@aws-sdk/client-eventbridge");
      return bounded(EventBridgeClient, config);
    },
  },
};

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // The second time at once: a request to AWS may take its time.
    if (interruption.signal.aborted || !endsByItself) process.exit(signal === "SIGINT" ? 130 : 143);
    interruption.abort();
  });
}
// The reader of a pipe has had enough, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

/** Through the proxy that the environment names, as agents connect. */
async function reach(url: string): Promise<number> {
  const { get } = await import(url.startsWith("https:") ? "node:https" : "node:http");
  const { proxyAgent } = await import("@agent-heartbeat/sdk");
  const agent = proxyAgent();
  try {
    return await new Promise((resolve, reject) => {
      const options = { agent, signal: AbortSignal.timeout(REACH_TIMEOUT_MS) };
      get(url, options, (response: IncomingMessage) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      }).on("error", reject);
    });
  } finally {
    agent.destroy();
  }
}

/** Whose calls end, whatever becomes of the network. */
async function bounded<C extends { middlewareStack: object }, Config extends object>(
  Client: new (config: Config) => C,
  config: Config,
): Promise<C> {
  const { boundedClient } = await import("@agent-heartbeat/sdk/status");
  const { proxyAgent } = await import("@agent-heartbeat/sdk");
  return boundedClient(Client, config, undefined, proxyAgent());
}

process.exitCode = await run(process.argv.slice(2), io);

function outputOf(stream: NodeJS.WriteStream): Io["stdout"] {
  return {
    write: (text) => void stream.write(text),
    isTTY: stream.isTTY === true,
    get columns() {
      // 0 if the terminal does not report it.
      return stream.columns || undefined;
    },
    get rows() {
      return stream.rows || undefined;
    },
  };
}

async function ask(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

/** Beside the bundle, or where it is written. */
async function runbook(): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  const page = (path: string) => readFile(new URL(path, import.meta.url), "utf8");
  return page("./runbook.md").catch(() => page("../../docs/runbook.md"));
}

/** Loaded when first needed: it looks for the system's own way to open a page. */
async function browse(url: string): Promise<void> {
  const { default: open } = await import("open");
  await open(url);
}
