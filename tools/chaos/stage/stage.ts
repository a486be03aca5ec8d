/** The environment of a run, and the operations on it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleAgent } from "../../../local/app/demo/bundle";
import { synthesize } from "../../../local/app/synthesize";
import { memoryDirectory } from "../../../local/aws/engine/memory";
import { seededRandom } from "../../../testing/random";
import type { FaultInjector } from "../breaks";
import type { Look } from "../evidence";
import { CONCURRENCY } from "../hostile/concurrency";
import { AgentLink } from "./agent-link";
import { AgentProcesses } from "./agent-processes";
import { Reception } from "./channel";
import { Database } from "./database";
import { EngineCalls } from "./engine-calls";
import { FASTEST, type Pace } from "./pace";
import type { ReadyRuntime } from "./programs";
import { Recorder } from "./recorder";
import { Registrations } from "./registrations";
import type { RuntimeSettings } from "./runtime-messages";
import { RuntimeProcess } from "./runtime-process";
import { originNow, sharedClock, watchLag } from "./time";

const ROOT = join(__dirname, "..", "..", "..");
const PREFIX = "agent-heartbeat-chaos-";
const ORGANIZATION = "chaos";

export interface StageOptions {
  seed: number;
  /** Whether a tenant is hostile: then concurrency is reserved, and events of a mass expiry are withheld. @default false */
  hostile?: boolean;
  /** Whether the agents handle tasks, as members of one group. @default false */
  handlesTasks?: boolean;
  /** Injects a defect into the product. */
  injector?: FaultInjector;
  /** A Python that has the client's dependencies: every second process uses the Python client. @default - none */
  python?: string;
  /** Called with a line for each action. */
  report(what: string): void;
}

export class Stage {
  readonly now: () => number;
  readonly recorder: Recorder;
  readonly organizationId = ORGANIZATION;
  pace: Pace = FASTEST;
  readonly links = new Map<string, AgentLink>();
  /** Agents that are being locked out, or are. */
  readonly lockedOut = new Set<string>();
  /** Set if something failed that no fault may affect. */
  broken: string | undefined;
  database!: Database;
  engine!: EngineCalls;
  runtime!: RuntimeProcess;
  registrations!: Registrations;
  processes!: AgentProcesses;
  #subscriptionsTableName = "";
  readonly #origin: number;
  readonly #directory: string;
  readonly #closing: (() => unknown)[] = [];

  private constructor(private readonly options: StageOptions) {
    this.#origin = originNow();
    this.now = sharedClock(this.#origin);
    this.recorder = new Recorder(this.now, options.report);
    // In memory if there is room, so that a slow disk is no fault of its own.
    this.#directory = memoryDirectory(PREFIX) ?? mkdtempSync(join(tmpdir(), PREFIX));
    this.#closing.push(() => rmSync(this.#directory, { recursive: true, force: true }));
  }

  /** Starts everything but the agents. */
  static async open(options: StageOptions): Promise<Stage> {
    const stage = new Stage(options);
    try {
      await stage.#open();
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  /**
   * Registers the agents of the run, in groups of one process each, with a link for each agent.
   *
   * @param httpShare how many of the agents send their heartbeats over HTTP, from 0 to 1
   */
  async enrol(agents: number, processes: number, pace = FASTEST, httpShare = 0): Promise<void> {
    this.pace = pace;
    const width = String(agents).length;
    const agentIds = Array.from(
      { length: agents },
      (_, index) => `agent-${String(index + 1).padStart(width, "0")}`,
    );
    this.recorder.expect(agentIds, pace.leaseMs);
    this.processes.divide(agentIds, processes);
    for (const [index, agentId] of agentIds.entries()) {
      await this.registrations.register(agentId);
      const overHttp = Math.floor((index + 1) * httpShare) > Math.floor(index * httpShare);
      this.links.set(agentId, await AgentLink.start(this.ready, overHttp));
    }
  }

  get ready(): ReadyRuntime {
    return this.runtime.ready;
  }

  get agentIds(): string[] {
    return [...this.links.keys()];
  }

  /** The difference between the machine's clock and the run's, in milliseconds. */
  get clockDriftMs(): number {
    return Math.abs(Date.now() - this.now());
  }

  link(agentId: string): AgentLink {
    const link = this.links.get(agentId);
    if (!link) throw new Error(`expected an agent of this run, got ${agentId}`);
    return link;
  }

  look(): Promise<Look> {
    return this.engine.look(this.ready.statusTableName, ORGANIZATION, this.now);
  }

  changes() {
    return this.engine.changes(this.ready.statusTableName, ORGANIZATION);
  }

  subscriptions() {
    return this.engine.scan(this.#subscriptionsTableName);
  }

  /** Brings a message to an agent, from the bus. */
  deliver(agentId: string): void {
    this.runtime.send({ do: "deliver", organizationId: ORGANIZATION, agentId });
  }

  async killGateway(): Promise<void> {
    this.recorder.evidence.gatewayKills.push(this.now());
    await this.runtime.kill();
  }

  /** @param limits how many events the runtime has under way at most; its own limit if none is given */
  async startGateway(limits: Pick<RuntimeSettings, "concurrency"> = {}): Promise<void> {
    await this.runtime.start(limits);
    for (const link of this.links.values()) link.leadTo(this.ready);
  }

  /** An agent's processes get the key that is registered. */
  handOverKey(agentId: string): void {
    this.registrations.handOver(agentId);
    this.processes.changeKey(agentId);
  }

  /** Ends everything that was started, in reverse order. */
  async close(): Promise<void> {
    for (const step of this.#closing.splice(0).reverse()) {
      await Promise.resolve(step()).catch(() => undefined);
    }
  }

  async #open(): Promise<void> {
    const { seed, hostile = false, handlesTasks = false, python, report } = this.options;
    const lag = watchLag(this.now, (one) => this.recorder.evidence.lags.push(one));
    this.#closing.push(lag);
    const openedAt = this.now();
    report("synthesizing the stack");
    const assemblyDirectory = await synthesize({
      directory: ROOT,
      // Inside the repository, so that the functions can import its packages.
      outputDirectory: join(ROOT, ".local", `chaos-${process.pid}`),
      app: `node --conditions=agent-heartbeat-source --import tsx tools/chaos/app.ts${
        hostile ? " --hostile" : ""
      }`,
    });
    this.#closing.push(() => rmSync(assemblyDirectory, { recursive: true, force: true }));
    const program = await bundleAgent(this.#directory, join(__dirname, "agents-program.ts"));
    const reception = await Reception.open();
    this.#closing.push(() => reception.close());
    this.database = await Database.start(
      join(this.#directory, "data"),
      seededRandom(seed),
      (reason) => {
        this.broken ??= reason;
      },
    );
    this.#closing.push(() => this.database.stop());
    const { injector } = this.options;
    if (injector) this.database.proxy.rewrite = injector.rewrite.bind(injector);
    this.engine = new EngineCalls(() => this.database.endpoint);
    report("starting the local runtime");
    this.runtime = new RuntimeProcess(
      reception,
      {
        origin: this.#origin,
        assemblyDirectory,
        dynamoDbEndpoint: this.database.proxy.endpoint,
        seed,
        organizationId: ORGANIZATION,
      },
      (report) => this.recorder.hearRuntime(report),
    );
    await this.startGateway(hostile ? { concurrency: CONCURRENCY } : {});
    report(`it is there after ${Math.round((this.now() - openedAt) / 1000)} s`);
    this.#closing.push(() => this.runtime.stop());
    this.#subscriptionsTableName = await this.engine.tableNamed("Subscriptions");
    const { registryTableName, statusTableName } = this.ready;
    this.registrations = new Registrations({
      organizationId: ORGANIZATION,
      registryTableName,
      statusTableName,
      endpoint: () => this.database.endpoint,
    });
    this.processes = new AgentProcesses({
      reception,
      recorder: this.recorder,
      registrations: this.registrations,
      link: (agentId) => this.link(agentId),
      program,
      python,
      handlesTasks,
      settings: () => ({
        origin: this.#origin,
        organizationId: ORGANIZATION,
        url: this.ready.webSocketUrl,
        ...this.pace.options,
      }),
    });
    this.#closing.push(async () => {
      for (const link of this.links.values()) await link.close();
      for (const group of this.processes.groups) await this.processes.kill(group);
    });
  }
}
