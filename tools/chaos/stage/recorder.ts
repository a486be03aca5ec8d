/** Records the evidence of a run. */

import type { AgentEvidence, ClientConnection, DeathKind, Evidence } from "../evidence";
import type { FaultKind } from "../faults/plan";
import type { Handling } from "../groups/evidence";
import type { AgentsReport } from "./agents-messages";
import type { RuntimeReport } from "./runtime-messages";

export class Recorder {
  readonly evidence: Omit<Evidence, "leftovers" | "changes" | "endedAt">;
  /** Tasks that agents have begun to handle. */
  readonly handled: Handling[] = [];
  /** When each agent drained last, before it was restarted. */
  readonly drainedAt = new Map<string, number>();
  /** Failures outside of the agents. */
  readonly problems = new Map<string, number>();
  /** How often the gateway has refused an agent, by status. */
  readonly #refusals = new Map<string, Map<number, number>>();
  /** Connections whose `$disconnect` has begun to be handled. */
  readonly #ending = new Set<string>();

  constructor(
    private readonly now: () => number,
    readonly report: (line: string) => void,
  ) {
    this.evidence = {
      leaseMs: 0,
      startedAt: now(),
      agents: new Map(),
      signs: [],
      connectionIds: new Map(),
      released: new Set(),
      crossed: new Set(),
      gatewayKills: [],
      looks: [],
      published: [],
      lags: [],
      longestDelayMs: 0,
      faults: [],
      lockOuts: [],
      settlements: [],
      messages: { admitted: 0 },
      heard: [],
      ackedOverHttp: 0,
      notSuperseded: [],
      supersededByNobody: [],
      notBack: [],
    };
  }

  /** Writes down what befalls these agents. */
  expect(agentIds: readonly string[], leaseMs: number): void {
    this.evidence.leaseMs = leaseMs;
    for (const agentId of agentIds) this.evidence.agents.set(agentId, newAgent(agentId));
  }

  /** Whether an agent's process has had an ack for a heartbeat that it sent since a given time. */
  isAcked(agentId: string, pid: number | undefined, since: number): boolean {
    return [...this.agent(agentId).connections].some(
      ([link, { heartbeats }]) =>
        link.startsWith(`${agentId}.${pid}.`) && (heartbeats.at(-1)?.sentAt ?? 0) > since,
    );
  }

  /** Starts the count of refusals again. */
  forgetRefusals(): void {
    this.#refusals.clear();
  }

  /** How often the gateway has refused an agent, by status. */
  refusalsOf(agentId: string): string {
    const counts = [...(this.#refusals.get(agentId) ?? [])];
    return counts.map(([status, times]) => `refused with ${status} ${times} times`).join(", ");
  }

  agent(agentId: string): AgentEvidence {
    const agent = this.evidence.agents.get(agentId);
    if (!agent) throw new Error(`expected an agent of this run, got ${agentId}`);
    return agent;
  }

  hearAgents(report: AgentsReport): void {
    if (report.what === "left") {
      for (const [agentId, count] of Object.entries(report.sockets)) {
        this.agent(agentId).socketsLeft += count;
      }
    }
    if (report.what === "heard") {
      const { agentId, sentAt, at } = report;
      this.evidence.heard.push({ agentId, sentAt, at });
    }
    if (report.what === "handling") {
      const { what, ...handling } = report;
      this.handled.push(handling);
    }
    if (report.what === "drained") this.drainedAt.set(report.agentId, report.at);
    if (report.what === "refused") {
      const counts = this.#refusals.get(report.agentId) ?? new Map<number, number>();
      this.#refusals.set(report.agentId, counts);
      counts.set(report.status, (counts.get(report.status) ?? 0) + 1);
    }
    if (!("link" in report)) return;
    const connection = this.#connection(report.agentId, report.link);
    if (report.what === "acked") {
      connection.heartbeats.push({ sentAt: report.sentAt, ackedAt: report.at });
      if (report.overHttp) this.evidence.ackedOverHttp += 1;
    } else if (report.what === "opened") {
      connection.openedAt = report.at;
    } else {
      connection.endedAt ??= report.at;
    }
  }

  hearRuntime(report: RuntimeReport): void {
    switch (report.what) {
      case "sign": {
        const { kind, agentId, connectionId, at, link } = report;
        this.evidence.signs.push({ kind, agentId, connectionId, at });
        if (kind === "disconnect") this.#ending.add(connectionId);
        if (link !== undefined) this.evidence.connectionIds.set(link, connectionId);
        break;
      }
      case "released":
        this.evidence.released.add(report.connectionId);
        break;
      case "subscribed":
        if (this.#ending.has(report.connectionId)) this.evidence.crossed.add(report.connectionId);
        break;
      case "published": {
        const { id, agentId, status, at, swept, publishedAt } = report;
        this.evidence.published.push({ id, agentId, status, at, swept, publishedAt });
        break;
      }
      case "settled": {
        const { id, agentId, writtenAt, at } = report;
        this.evidence.settlements.push({ id, agentId, writtenAt, at });
        break;
      }
      case "lag":
        this.evidence.lags.push({ at: report.at, ms: report.ms });
        break;
      case "problem": {
        const text = report.text.replace(/[0-9a-f-]{36}/g, "…");
        this.problems.set(text, (this.problems.get(text) ?? 0) + 1);
        break;
      }
    }
  }

  fault(kind: FaultKind, what: string): void {
    const at = this.now();
    this.evidence.faults.push({ kind, at, what });
    this.report(`${this.#elapsed(at)}  ${kind}: ${what}`);
  }

  /** Marks the beginning of the faults. */
  begin(): void {
    this.evidence.startedAt = this.now();
  }

  /** Records that the run ends the connections of these agents now. */
  cut(agentIds: readonly string[]): void {
    const at = this.now();
    for (const agentId of agentIds) this.agent(agentId).cuts.push(at);
  }

  /** Records that these agents can't reach the gateway from now on. @returns a function that records the end */
  absent(kind: DeathKind, agentIds: readonly string[]): () => void {
    const from = this.now();
    const absences = agentIds.map((agentId) => {
      const absence = { kind, from, until: Number.POSITIVE_INFINITY };
      this.agent(agentId).absences.push(absence);
      return absence;
    });
    return () => {
      const until = this.now();
      for (const absence of absences) absence.until = until;
    };
  }

  #elapsed(at: number): string {
    return `${((at - this.evidence.startedAt) / 1000).toFixed(1)} s`.padStart(8);
  }

  #connection(agentId: string, link: string): ClientConnection {
    const { connections } = this.agent(agentId);
    const found = connections.get(link) ?? { openedAt: null, endedAt: null, heartbeats: [] };
    connections.set(link, found);
    return found;
  }
}

function newAgent(agentId: string): AgentEvidence {
  return { agentId, connections: new Map(), absences: [], cuts: [], socketsLeft: 0 };
}
