/**
 * The local service: runs the template of an app on this machine, with agents that were asked for, or a demo.
 *
 * @module @agent-heartbeat/local
 */

import { join, relative, resolve } from "node:path";
import pc from "picocolors";
import { defaultAssembly } from "#files";
import { systemClock } from "../aws/clock";
import { LocalRuntimeError, sentenceOf } from "../aws/errors";
import { assemblyDirectory } from "./assembly-directory";
import type { LocalDashboard } from "./dashboard";
import type { Demo } from "./demo/demo";
import { Screen } from "./demo/screen";
import { interruption } from "./interruption";
import { agentNameIn, DEMO_ORGANIZATION, hostsIn, type LocalOptions } from "./options";
import { removeOutputs, writeOutputs } from "./outputs-file";
import { Progress } from "./progress";
import type { LocalService } from "./service";
import { synthesize } from "./synthesize";

export type { LocalOptions } from "./options";

/**
 * Runs until the signal is aborted, the terminal or the reader of the output is gone, or the npm that started this process.
 *
 * @param directory the state is kept in its folder `.local`
 * @throws LocalRuntimeError in one sentence, with nothing left running
 */
export async function runLocal(
  options: LocalOptions,
  { directory, signal }: { directory: string; signal: AbortSignal },
): Promise<void> {
  const interrupted = interruption(signal);
  try {
    await new LocalRun(options, directory, interrupted).run();
  } catch (error) {
    // Errors after an interruption are its consequences.
    if (interrupted.aborted) return;
    const sentence = sentenceOf(error);
    throw sentence === undefined ? error : new LocalRuntimeError(sentence, { cause: error });
  }
}

class LocalRun {
  readonly #screen = new Screen(process.stdout);
  readonly #progress = new Progress(this.#screen, systemClock);
  readonly #state: string;

  constructor(
    private readonly options: LocalOptions,
    private readonly directory: string,
    private readonly interrupted: AbortSignal,
  ) {
    this.#state = join(directory, ".local");
  }

  async run(): Promise<void> {
    const { options, interrupted } = this;
    const hosts = hostsIn(options.host ?? "");
    const agents = (options.agent ?? []).map(agentNameIn);
    const building = this.#progress.step("building the functions and the template", () =>
      this.#assembly(),
    );
    // Loaded while another process builds, and not before the first line is printed.
    const [assembly, { startLocalService }] = await Promise.all([building, import("./service")]);
    interrupted.throwIfAborted();
    const service = await this.#progress.step(
      "starting the database, the functions and the gateway",
      () => startLocalService({ ...this.#runtimeOptions(assembly), hosts }),
    );
    const closing: (() => unknown)[] = [() => service.stop()];
    try {
      await this.#serve(service, agents, closing);
    } finally {
      removeOutputs(this.#outputsFile);
      await this.#progress.step("stopping", async () => {
        for (const step of closing.reverse()) await step();
      });
    }
  }

  async #serve(
    service: LocalService,
    agents: ReturnType<typeof agentNameIn>[],
    closing: (() => unknown)[],
  ): Promise<void> {
    const { options, interrupted } = this;
    const { openDashboard } = await import("./dashboard");
    const shown = agents[0]?.organizationId ?? DEMO_ORGANIZATION;
    const dashboard = openDashboard(service, shown);
    closing.push(() => dashboard?.close());
    interrupted.throwIfAborted();
    const keys = agents.length > 0 ? await this.#register(service, agents) : [];
    process.once("exit", () => removeOutputs(this.#outputsFile));
    writeOutputs(this.#outputsFile, {
      ...service.outputs,
      ...(dashboard && { dashboardUrl: dashboard.url }),
    });
    this.#screen.line(this.#readyLine(service));
    if (dashboard) await this.#show(dashboard);
    for (const { organizationId, agentId, privateKeyPath } of keys) {
      const path = relative(this.directory, privateKeyPath);
      this.#screen.line(
        `${pc.green("agent")} ${agentId} of ${organizationId}, private key ${path}`,
      );
    }
    if (options.demo) closing.push(await this.#demo(service));
    await this.#whileRunning(service);
  }

  get #outputsFile(): string {
    return join(this.#state, "outputs.json");
  }

  async #assembly(): Promise<string> {
    const { app, assembly } = this.options;
    if (assembly !== undefined) return resolve(this.directory, assembly);
    const { interrupted: signal, directory } = this;
    const outputDirectory = () => assemblyDirectory(this.#state);
    if (app === undefined) return defaultAssembly(outputDirectory, signal);
    return synthesize({
      directory,
      outputDirectory: outputDirectory(),
      signal,
      ...(app !== true && { app }),
    });
  }

  #runtimeOptions(assemblyDirectory: string) {
    const { options, directory } = this;
    const { app, assembly, stack, construct, data, dynamoDbEndpoint } = options;
    const report = (problem: string) => this.#screen.line(pc.yellow(problem));
    return {
      assemblyDirectory,
      port: options.port,
      schedules: options.sweep,
      logDirectory: join(this.#state, "logs"),
      onProblem: report,
      // A user's app may have parts that do not run here.
      ...((app !== undefined || assembly !== undefined) && { leaveOut: report }),
      ...(options.verbose && {
        onLog: (name: string, line: string) => this.#screen.line(`${pc.dim(name)} ${line}`),
      }),
      ...(stack !== undefined && { stackName: stack }),
      ...(construct !== undefined && { construct }),
      ...(data !== undefined && { dataDirectory: resolve(directory, data) }),
      ...(dynamoDbEndpoint !== undefined && { dynamoDbEndpoint }),
    };
  }

  async #register(service: LocalService, agents: ReturnType<typeof agentNameIn>[]) {
    const { registerAnew } = await import("./register");
    return registerAnew(service, agents, this.#state);
  }

  async #show({ url }: LocalDashboard): Promise<void> {
    this.#screen.line(`${pc.green("dashboard")} ${url}`);
    if (!this.options.open) return;
    const { openBrowser } = await import("./open-browser");
    await openBrowser(url, (reason) => this.#screen.line(pc.yellow(reason)));
  }

  async #demo(service: LocalService): Promise<() => Promise<void>> {
    const { startDemo } = await import("./demo/demo");
    const directory = join(this.#state, "demo");
    const demo: Demo = await startDemo({ runtime: service, screen: this.#screen, directory });
    return () => demo.stop();
  }

  #readyLine({ outputs }: LocalService): string {
    const { data, sweep } = this.options;
    const state =
      data === undefined ? "state in memory" : `state in ${resolve(this.directory, data)}`;
    const details = [
      state,
      ...(sweep ? [] : ["no sweep"]),
      "logs in .local/logs",
      "Ctrl-C ends it",
    ];
    return `${pc.green("ready")} ${pc.bold(outputs.webSocketUrl)} ${pc.dim(details.join(", "))}`;
  }

  /** Resolves at an interruption. @throws LocalRuntimeError if the engine ends by itself */
  #whileRunning(service: LocalService): Promise<void> {
    const { interrupted } = this;
    return new Promise((resolve, reject) => {
      if (interrupted.aborted) return resolve();
      interrupted.addEventListener("abort", () => resolve());
      service.onBroken((reason) => reject(new LocalRuntimeError(`The DynamoDB engine: ${reason}`)));
    });
  }
}
