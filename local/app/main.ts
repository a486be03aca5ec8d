/** `npm start`: synthesizes the app, runs it on this machine, and lets demo agents come and go. */

import { join, resolve } from "node:path";
import pc from "picocolors";
import { systemClock } from "../aws/clock";
import { LocalRuntimeError, sentenceOf } from "../aws/errors";
import { assemblyDirectory } from "./assembly-directory";
import type { LocalDashboard } from "./dashboard";
import type { Demo } from "./demo/demo";
import { Screen } from "./demo/screen";
import { interruption } from "./interruption";
import { parseOptions, type StartOptions, USAGE } from "./options";
import { removeOutputs, writeOutputs } from "./outputs-file";
import { Progress } from "./progress";
import type { LocalService } from "./service";
import { synthesize } from "./synthesize";

// Printed once for every client otherwise, on a machine with an older Node than the functions' own.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";

const ROOT = resolve(__dirname, "../..");
const STATE_DIRECTORY = resolve(".local");
const OUTPUTS_FILE = join(STATE_DIRECTORY, "outputs.json");
const DEMO_DIRECTORY = join(STATE_DIRECTORY, "demo");

const interrupted = interruption();
const screen = new Screen(process.stdout);
const progress = new Progress(screen, systemClock);

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    console.log(USAGE);
    return;
  }
  const building = progress.step("building the functions and the template", () =>
    assemblyOf(options),
  );
  // Loaded while another process builds, and not before the first line is printed.
  const [assembly, { startLocalService }, { startDemo, DEMO_ORGANIZATION }, { openDashboard }] =
    await Promise.all([
      building,
      import("./service"),
      import("./demo/demo"),
      import("./dashboard"),
    ]);
  interrupted.throwIfAborted();
  const runtime = await progress.step("starting the database, the functions and the gateway", () =>
    startLocalService(runtimeOptions(options, assembly)),
  );
  let demo: Demo | undefined;
  let dashboard: LocalDashboard | undefined;
  try {
    dashboard = openDashboard(runtime, DEMO_ORGANIZATION);
    interrupted.throwIfAborted();
    process.once("exit", () => removeOutputs(OUTPUTS_FILE));
    writeOutputs(OUTPUTS_FILE, {
      ...runtime.outputs,
      ...(dashboard && { dashboardUrl: dashboard.url }),
    });
    screen.line(readyLine(runtime, options));
    if (dashboard) {
      screen.line(`${pc.green("dashboard")} ${dashboard.url}`);
      const failed = (reason: string) => screen.line(pc.yellow(reason));
      if (options.open) {
        const { openBrowser } = await import("./open-browser");
        await openBrowser(dashboard.url, failed);
      }
    }
    if (options.demo) demo = await startDemo({ runtime, screen, directory: DEMO_DIRECTORY });
    await whileRunning(runtime);
  } finally {
    removeOutputs(OUTPUTS_FILE);
    await progress.step("stopping", async () => {
      await demo?.stop();
      dashboard?.close();
      await runtime.stop();
    });
  }
}

async function assemblyOf({ assembly, app }: StartOptions): Promise<string> {
  if (assembly !== undefined) return assembly;
  return synthesize({
    directory: ROOT,
    outputDirectory: assemblyDirectory(STATE_DIRECTORY),
    signal: interrupted,
    ...(app !== undefined && { app }),
  });
}

function runtimeOptions(options: StartOptions, assemblyDirectory: string) {
  const { stack, data, dynamoDbEndpoint } = options;
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

function readyLine({ outputs }: LocalService, { data, sweep }: StartOptions): string {
  const state = data === undefined ? "state in memory" : `state in ${resolve(data)}`;
  const details = [state, ...(sweep ? [] : ["no sweep"]), "logs in .local/logs", "Ctrl-C ends it"];
  return `${pc.green("ready")} ${pc.bold(outputs.webSocketUrl)} ${pc.dim(details.join(", "))}`;
}

/** Resolves at an interruption. @throws LocalRuntimeError if the engine ends by itself */
function whileRunning(runtime: LocalService): Promise<void> {
  return new Promise((resolve, reject) => {
    if (interrupted.aborted) return resolve();
    interrupted.addEventListener("abort", () => resolve());
    runtime.onBroken((reason) => reject(new LocalRuntimeError(`The DynamoDB engine: ${reason}`)));
  });
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    // Errors after an interruption are its consequences.
    if (interrupted.aborted) process.exit(0);
    const sentence = sentenceOf(error);
    console.error(sentence === undefined ? error : pc.red(sentence));
    process.exit(1);
  },
);
