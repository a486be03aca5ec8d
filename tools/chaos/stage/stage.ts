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
import { CAPABILITY, capableOf } from "../groups/evidence";
import { CONCURRENCY } from "../hostile/concurrency";
import { AgentLink } from "./agent-link";
import type { AgentsReport, AgentsSettings } from "./agents-messages";
import { Reception } from "./channel";
import { Database } from "./database";
import { EngineCalls } from "./engine-calls";
import { type AgentsProcess, type Group, goOn, newGroup, withResolvers } from "./group";
import { FASTEST, type Pace } from "./pace";
import { type Program, type ReadyRuntime, startAgents, startRuntime } from "./programs";
import { Recorder } from "./recorder";
import { Registrations } from "./registrations";
import type { RuntimeCommand, RuntimeReport, RuntimeSettings } from "./runtime-messages";
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
  groups: Group[] = [];
  readonly links = new Map<string, AgentLink>();
  /** Agents that are being locked out, or are. */
  readonly lockedOut = new Set<string>();
  /** Set if something failed that no fault may affect. */
  broken: string | undefined;
  database!: Database;
  engine!: EngineCalls;
  ready!: ReadyRuntime;
  registrations!: Registrations;
  #subscriptionsTableName = "";
  #runtime: Program<RuntimeCommand> | null = null;
  #reception!: Reception;
  #program = "";
  #assemblyDirectory = "";
  readonly #origin: number;
  readonly #directory: string;
  readonly #closing: (() => unknown)[] = [];
  readonly #awaited = new Set<(report: RuntimeReport) => void>();
  #starts = 0;

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
    const size = Math.ceil(agents / processes);
    this.groups = Array.from({ length: processes }, (_, index) =>
      newGroup(agentIds.slice(index * size, (index + 1) * size)),
    );
    for (const [index, agentId] of agentIds.entries()) {
      await this.registrations.register(agentId);
      const overHttp = Math.floor((index + 1) * httpShare) > Math.floor(index * httpShare);
      this.links.set(agentId, await AgentLink.start(this.ready, overHttp));
    }
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
    this.tellRuntime({ do: "deliver", organizationId: ORGANIZATION, agentId });
  }

  get gatewayIsUp(): boolean {
    return this.#runtime !== null;
  }

  tellRuntime(command: RuntimeCommand): void {
    this.#runtime?.channel.send(command);
  }

  /** Waits for a report of the runtime, up to a time limit. */
  hearRuntime<What extends RuntimeReport["what"]>(
    what: What,
    withinMs: number,
  ): Promise<Extract<RuntimeReport, { what: What }> | undefined> {
    return new Promise((resolve) => {
      const end = (report?: RuntimeReport) => {
        this.#awaited.delete(hear);
        clearTimeout(timer);
        resolve(report as Extract<RuntimeReport, { what: What }> | undefined);
      };
      const hear = (report: RuntimeReport) => report.what === what && end(report);
      const timer = setTimeout(end, withinMs);
      this.#awaited.add(hear);
    });
  }

  async killGateway(): Promise<void> {
    const runtime = this.#runtime;
    this.#runtime = null;
    this.recorder.evidence.gatewayKills.push(this.now());
    await runtime?.process.kill();
    runtime?.channel.close();
  }

  /** @param limits how many events the runtime has under way at most; its own limit if none is given */
  async startGateway(limits: Pick<RuntimeSettings, "concurrency"> = {}): Promise<void> {
    const { ready, ...runtime } = await startRuntime(
      this.#reception,
      {
        origin: this.#origin,
        assemblyDirectory: this.#assemblyDirectory,
        dynamoDbEndpoint: this.database.proxy.endpoint,
        port: this.ready?.port ?? 0,
        seed: this.options.seed + this.#starts++,
        organizationId: ORGANIZATION,
        ...limits,
      },
      (report) => {
        this.recorder.hearRuntime(report);
        for (const hear of this.#awaited) hear(report);
      },
    );
    this.ready = ready;
    for (const link of this.links.values()) link.leadTo(ready);
    this.#runtime = runtime;
  }

  /** Starts the agents of a group, beside the process that it may have. */
  async startGroup(group: Group): Promise<void> {
    group.left = withResolvers();
    const keys = group.agentIds.map((agentId) => this.registrations.privateKeyOf(agentId));
    const program = await this.startProcess(group, "replace");
    group.program = program;
    // While it was started, others may have been handed over, and other processes may have gone.
    for (const [index, agentId] of group.agentIds.entries()) {
      if (this.registrations.privateKeyOf(agentId) !== keys[index]) this.#changeKey(agentId);
    }
    for (const agentId of program.superseded) this.#superseded(group, agentId);
  }

  /** An agent's processes get the key that is registered. */
  handOverKey(agentId: string): void {
    this.registrations.handOver(agentId);
    this.#changeKey(agentId);
  }

  #changeKey(agentId: string): void {
    const group = this.groups.find(({ agentIds }) => agentIds.includes(agentId));
    const privateKey = this.registrations.privateKeyOf(agentId);
    group?.program?.channel.send({ do: "change key", agentId, privateKey });
  }

  /** Starts another process of a group's agents, which is not the group's own. */
  async startProcess(
    group: Group,
    onDuplicate: AgentsSettings["onDuplicate"],
  ): Promise<AgentsProcess> {
    const superseded = new Set<string>();
    const { python } = this.options;
    const inPython = python !== undefined && this.groups.indexOf(group) % 2 === 1;
    const program = await startAgents(
      inPython ? [python, join(__dirname, "agents_program.py")] : [process.execPath, this.#program],
      this.#reception,
      {
        origin: this.#origin,
        organizationId: ORGANIZATION,
        url: this.ready.webSocketUrl,
        ...this.pace.options,
        onDuplicate,
        handlesTasks: this.options.handlesTasks ?? false,
        agents: group.agentIds.map((agentId) => {
          const { port, httpPort } = this.link(agentId);
          const privateKey = this.registrations.privateKeyOf(agentId);
          const isCapable =
            this.options.handlesTasks && capableOf(group.agentIds).includes(agentId);
          const capabilities = isCapable ? [CAPABILITY] : [];
          const place = { agentId, port, privateKey, capabilities };
          return { ...place, ...(httpPort !== undefined && { httpPort }) };
        }),
      },
      (report: AgentsReport) => {
        this.recorder.hearAgents(report);
        if (report.what === "left") group.left.resolve();
        if (report.what !== "superseded") return;
        superseded.add(report.agentId);
        if (group.program?.superseded === superseded) this.#superseded(group, report.agentId);
      },
    );
    return { ...program, superseded };
  }

  /** Another process of a group's agents has ended. */
  rivalGone(group: Group): void {
    group.rivals.go();
    for (const agentId of group.program?.superseded ?? []) this.#superseded(group, agentId);
  }

  #superseded(group: Group, agentId: string): void {
    if (!goOn(group, agentId)) this.recorder.evidence.supersededByNobody.push(agentId);
  }

  /** Whether an agent has ended because it was superseded. */
  isSuperseded(agentId: string): boolean {
    return this.groups.some(({ program }) => program?.superseded.has(agentId));
  }

  async killGroup(group: Group): Promise<void> {
    const { program } = group;
    group.program = null;
    await program?.process.kill();
    program?.channel.close();
  }

  /** Ends everything that was started, in reverse order. */
  async close(): Promise<void> {
    for (const step of this.#closing.splice(0).reverse()) {
      await Promise.resolve(step()).catch(() => undefined);
    }
  }

  async #open(): Promise<void> {
    const { seed, hostile = false, report } = this.options;
    const lag = watchLag(this.now, (one) => this.recorder.evidence.lags.push(one));
    this.#closing.push(lag);
    const openedAt = this.now();
    report("synthesizing the stack");
    this.#assemblyDirectory = await synthesize({
      directory: ROOT,
      // Inside the repository, so that the functions can import its packages.
      outputDirectory: join(ROOT, ".local", `chaos-${process.pid}`),
      app: `node --conditions=agent-heartbeat-source --import tsx tools/chaos/app.ts${
        hostile ? " --hostile" : ""
      }`,
    });
    this.#closing.push(() => rmSync(this.#assemblyDirectory, { recursive: true, force: true }));
    this.#program = await bundleAgent(this.#directory, join(__dirname, "agents-program.ts"));
    this.#reception = await Reception.open();
    this.#closing.push(() => this.#reception.close());
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
    await this.startGateway(hostile ? { concurrency: CONCURRENCY } : {});
    report(`it is there after ${Math.round((this.now() - openedAt) / 1000)} s`);
    this.#closing.push(() => this.#runtime?.process.stop());
    this.#subscriptionsTableName = await this.engine.tableNamed("Subscriptions");
    const { registryTableName, statusTableName } = this.ready;
    this.registrations = new Registrations({
      organizationId: ORGANIZATION,
      registryTableName,
      statusTableName,
      endpoint: () => this.database.endpoint,
    });
    this.#closing.push(async () => {
      for (const link of this.links.values()) await link.close();
      for (const group of this.groups) await this.killGroup(group);
    });
  }
}
