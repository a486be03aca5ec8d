/** The processes of the run's agents, in groups of one process each, which may be killed, restarted and doubled. */

import { join } from "node:path";
import { CAPABILITY, capableOf } from "../groups/evidence";
import type { AgentLink } from "./agent-link";
import type { AgentsReport, AgentsSettings } from "./agents-messages";
import type { Reception } from "./channel";
import { type AgentsProcess, type Group, goOn, newGroup, withResolvers } from "./group";
import type { Pace } from "./pace";
import { startAgents } from "./programs";
import type { Recorder } from "./recorder";
import type { Registrations } from "./registrations";

export interface AgentProcessesOptions {
  reception: Reception;
  recorder: Recorder;
  registrations: Pick<Registrations, "privateKeyOf">;
  link(agentId: string): AgentLink;
  /** The bundle of `agents-program.ts`. */
  program: string;
  /** A Python that has the client's dependencies: every second process uses the Python client. @default - none */
  python?: string | undefined;
  handlesTasks: boolean;
  /** What every agent of the run has in common. */
  settings(): Pick<AgentsSettings, "origin" | "organizationId" | "url"> & Pace["options"];
}

export class AgentProcesses {
  groups: Group[] = [];

  constructor(private readonly options: AgentProcessesOptions) {}

  /** Divides agents into groups. */
  divide(agentIds: readonly string[], processes: number): void {
    const size = Math.ceil(agentIds.length / processes);
    this.groups = Array.from({ length: processes }, (_, index) =>
      newGroup(agentIds.slice(index * size, (index + 1) * size)),
    );
  }

  /** Starts the agents of a group, beside the process that it may have. */
  async start(group: Group): Promise<void> {
    const { registrations } = this.options;
    group.left = withResolvers();
    const keys = group.agentIds.map((agentId) => registrations.privateKeyOf(agentId));
    const program = await this.startAnother(group, "replace");
    group.program = program;
    // While it was started, others may have been handed over, and other processes may have gone.
    for (const [index, agentId] of group.agentIds.entries()) {
      if (registrations.privateKeyOf(agentId) !== keys[index]) this.changeKey(agentId);
    }
    for (const agentId of program.superseded) this.#superseded(group, agentId);
  }

  /** An agent's process gets the key that is registered. */
  changeKey(agentId: string): void {
    const group = this.groups.find(({ agentIds }) => agentIds.includes(agentId));
    const privateKey = this.options.registrations.privateKeyOf(agentId);
    group?.program?.channel.send({ do: "change key", agentId, privateKey });
  }

  /** Starts another process of a group's agents, which is not the group's own. */
  async startAnother(
    group: Group,
    onDuplicate: AgentsSettings["onDuplicate"],
  ): Promise<AgentsProcess> {
    const { python, program, reception, recorder, handlesTasks } = this.options;
    const superseded = new Set<string>();
    const inPython = python !== undefined && this.groups.indexOf(group) % 2 === 1;
    const started = await startAgents(
      inPython ? [python, join(__dirname, "agents_program.py")] : [process.execPath, program],
      reception,
      {
        ...this.options.settings(),
        onDuplicate,
        handlesTasks,
        agents: group.agentIds.map((agentId) => this.#agent(group, agentId)),
      },
      (report: AgentsReport) => {
        recorder.hearAgents(report);
        if (report.what === "left") group.left.resolve();
        if (report.what !== "superseded") return;
        superseded.add(report.agentId);
        if (group.program?.superseded === superseded) this.#superseded(group, report.agentId);
      },
    );
    return { ...started, superseded };
  }

  /** Another process of a group's agents has ended. */
  rivalGone(group: Group): void {
    group.rivals.go();
    for (const agentId of group.program?.superseded ?? []) this.#superseded(group, agentId);
  }

  /** Whether an agent has ended because it was superseded. */
  isSuperseded(agentId: string): boolean {
    return this.groups.some(({ program }) => program?.superseded.has(agentId));
  }

  async kill(group: Group): Promise<void> {
    const { program } = group;
    group.program = null;
    await program?.process.kill();
    program?.channel.close();
  }

  #agent({ agentIds }: Group, agentId: string): AgentsSettings["agents"][number] {
    const { port, httpPort } = this.options.link(agentId);
    const privateKey = this.options.registrations.privateKeyOf(agentId);
    const isCapable = this.options.handlesTasks && capableOf(agentIds).includes(agentId);
    const capabilities = isCapable ? [CAPABILITY] : [];
    const place = { agentId, port, privateKey, capabilities };
    return { ...place, ...(httpPort !== undefined && { httpPort }) };
  }

  #superseded(group: Group, agentId: string): void {
    if (!goOn(group, agentId)) this.options.recorder.evidence.supersededByNobody.push(agentId);
  }
}
