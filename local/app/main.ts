/** `npm start`: synthesizes the app, runs it on this machine, and lets demo agents come and go. */

import { join, resolve } from "node:path";
import pc from "picocolors";
import { LocalRuntimeError } from "../aws/errors";
import { type LocalRuntime, startLocalRuntime } from "../aws/runtime";
import { type LocalDashboard, openDashboard } from "./app/dashboard";
import { openBrowser } from "./app/open-browser";
import { type Demo, startDemo } from "./demo/demo";
import { DEMO_ORGANIZATION } from "./demo/fleet";
import { Screen } from "./demo/screen";
import { parseOptions, type StartOptions, USAGE } from "./options";
import { removeOutputs, writeOutputs } from "./outputs-file";
import { synthesize } from "./synthesize";

// Printed once for every client otherwise, on a machine with an older Node than the functions' own.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";

const ROOT = resolve(__dirname, "../..");
const STATE_DIRECTORY = resolve(".local");
const OUTPUTS_FILE = join(STATE_DIRECTORY, "outputs.json");
const DEMO_DIRECTORY = join(STATE_DIRECTORY, "demo");

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    console.log(USAGE);
    return;
  }
  const interrupted = interruption();
  const screen = new Screen(process.stdout);
  const runtime = await startLocalRuntime(await runtimeOptions(options, screen, interrupted));
  let demo: Demo | undefined;
  let dashboard: LocalDashboard | undefined;
  try {
    dashboard = openDashboard(runtime, DEMO_ORGANIZATION);
    writeOutputs(OUTPUTS_FILE, {
      ...runtime.outputs,
      ...(dashboard && { dashboardUrl: dashboard.url }),
    });
    screen.line(readyLine(runtime, options));
    if (dashboard) {
      screen.line(`${pc.green("dashboard")} ${dashboard.url}`);
      const failed = (reason: string) => screen.line(pc.yellow(reason));
      if (options.open) await openBrowser(dashboard.url, failed);
    }
    if (options.demo) demo = await startDemo({ runtime, screen, directory: DEMO_DIRECTORY });
    await whileRunning(runtime, interrupted);
  } finally {
    removeOutputs(OUTPUTS_FILE);
    await demo?.stop();
    dashboard?.close();
    await runtime.stop();
  }
}

/** Aborts at the first SIGINT or SIGTERM. A second one ends everything at once. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(1);
      controller.abort();
    });
  }
  return controller.signal;
}

async function runtimeOptions(options: StartOptions, screen: Screen, signal: AbortSignal) {
  const { app, stack, data, dynamoDbEndpoint } = options;
  const assemblyDirectory =
    options.assembly ??
    (await synthesize({
      directory: ROOT,
      outputDirectory: join(STATE_DIRECTORY, "cdk.out"),
      signal,
      ...(app !== undefined && { app }),
    }));
  return {
    assemblyDirectory,
    port: options.port,
    hosts: options.hosts,
    schedules: options.sweep,
    logDirectory: join(STATE_DIRECTORY, "logs"),
    onProblem: (problem: string) => screen.line(pc.yellow(problem)),
    ...(options.verbose && {
      onLog: (name: string, line: string) => screen.line(`${pc.dim(name)} ${line}`),
    }),
    ...(stack !== undefined && { stackName: stack }),
    ...(data !== undefined && { dataDirectory: resolve(data) }),
    ...(dynamoDbEndpoint !== undefined && { dynamoDbEndpoint }),
  };
}

function readyLine({ outputs }: LocalRuntime, { data, sweep }: StartOptions): string {
  const state = data === undefined ? "state in memory" : `state in ${resolve(data)}`;
  const details = [state, ...(sweep ? [] : ["no sweep"]), "logs in .local/logs", "Ctrl-C ends it"];
  return `${pc.green("ready")} ${pc.bold(outputs.webSocketUrl)} ${pc.dim(details.join(", "))}`;
}

/** Resolves at an interruption. @throws LocalRuntimeError if the engine ends by itself */
function whileRunning(runtime: LocalRuntime, interrupted: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (interrupted.aborted) return resolve();
    interrupted.addEventListener("abort", () => resolve());
    runtime.onBroken((reason) => reject(new LocalRuntimeError(`The DynamoDB engine: ${reason}`)));
  });
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    const known = error instanceof LocalRuntimeError;
    console.error(known ? pc.red(error.message) : error);
    process.exit(1);
  },
);
