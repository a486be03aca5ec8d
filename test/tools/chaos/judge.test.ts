import { describe, expect, it } from "@jest/globals";
import type {
  AgentEvidence,
  ClientConnection,
  Evidence,
  Look,
  StoredRow,
} from "../../../tools/chaos/evidence";
import { judge, type Verdict } from "../../../tools/chaos/judge/verdict";

const LEASE_MS = 6000;
const LINK = "a.1.0";
const CONNECTION = "A=";

/** One agent that connects at 0 and beats every 2 s until `until`, is looked at every half second until 20 s, and leaves. */
function history(until = 20_000) {
  const beats = range(0, until, 2000);
  const heartbeats = beats.map((at) => ({ sentAt: at + 1, ackedAt: at + 10 }));
  const connection: ClientConnection = { openedAt: 0, endedAt: null, heartbeats };
  const agent: AgentEvidence = {
    agentId: "a",
    connections: new Map([[LINK, connection]]),
    absences: [],
    cuts: [],
    socketsLeft: 0,
  };
  const evidence: Evidence = {
    leaseMs: LEASE_MS,
    startedAt: 0,
    endedAt: 20_000,
    agents: new Map([["a", agent]]),
    signs: [
      { kind: "connect", agentId: "a", connectionId: CONNECTION, at: 0 },
      ...beats.map((at) => sign("heartbeat", at + 2)),
    ],
    connectionIds: new Map([[LINK, CONNECTION]]),
    released: new Set(),
    crossed: new Set(),
    gatewayKills: [],
    looks: range(500, 20_000, 500).map((at) => {
      const last = beats.findLast((beat) => beat + 5 < at) ?? 0;
      return look(at, { leaseExpiresAt: last + 2 + LEASE_MS });
    }),
    changes: [{ id: "1", agentId: "a", status: "online" }],
    told: [{ id: "1", agentId: "a", status: "online", toldAt: 100 }],
    lags: [],
    longestDelayMs: 0,
    faults: [],
    notBack: [],
    leftovers: { gatewayConnections: 0, links: 0, onlineRows: [], subscriptions: [] },
  };
  return { evidence, agent, connection };
}

function look(at: number, row: Partial<StoredRow>): Look {
  const whole = { agentId: "a", status: "online", leaseExpiresAt: 0, connectionId: CONNECTION };
  return { begunAt: at, endedAt: at + 3, rows: new Map([["a", { ...whole, ...row }]]) };
}

const sign = (kind: "heartbeat" | "disconnect", at: number) => ({
  kind,
  agentId: "a",
  connectionId: CONNECTION,
  at,
});

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step);
}

/** The row as it is in the looks of a time. */
function store(evidence: Evidence, from: number, until: number, row: Partial<StoredRow>): void {
  evidence.looks = evidence.looks.map((one) =>
    one.begunAt >= from && one.begunAt < until ? look(one.begunAt, row) : one,
  );
}

/** What a verdict finds wrong, by how often. */
function findings(verdict: Verdict): Record<string, number> {
  const { falseOfflines, late, lost, duplicated, disordered } = verdict;
  const { sockets, rows, subscriptions, notBack } = verdict;
  const all = { falseOfflines, late, lost, duplicated, disordered };
  return Object.fromEntries(
    Object.entries({ ...all, sockets, rows, subscriptions, notBack })
      .filter(([, found]) => found.length > 0)
      .map(([name, found]) => [name, found.length]),
  );
}

describe("the judge of a chaos run", () => {
  it("finds nothing wrong where nothing is, and says for how long it looked", () => {
    const verdict = judge(history().evidence);
    expect(findings(verdict)).toEqual({});
    expect(verdict.passed).toBe(true);
    expect(verdict.judgedSeconds).toBeCloseTo(19, 0);
  });

  describe("finds a false offline", () => {
    it.each<[string, Partial<StoredRow>]>([
      ["stored as offline", { status: "offline", leaseExpiresAt: 12_000 }],
      ["whose lease was cut short", { leaseExpiresAt: 9000 }],
    ])("of an agent that is acknowledged and %s", (_, row) => {
      const { evidence } = history();
      store(evidence, 10_000, 11_000, row);
      const verdict = judge(evidence);
      expect(findings(verdict)).toEqual({ falseOfflines: 1 });
      expect(verdict.falseOfflines[0]).toMatchObject({ agentId: "a", firstAt: 10_000, looks: 2 });
      expect(verdict.passed).toBe(false);
    });

    it("of an agent without a row", () => {
      const { evidence } = history();
      evidence.looks[10]?.rows.clear();
      expect(findings(judge(evidence))).toEqual({ falseOfflines: 1 });
    });

    it("of an agent with two connections, of which only the newer one has ended", () => {
      const { evidence, agent } = history();
      const heartbeats = [{ sentAt: 8000, ackedAt: 8010 }];
      agent.connections.set("a.1.1", { openedAt: 8000, endedAt: 9900, heartbeats });
      evidence.connectionIds.set("a.1.1", "B=");
      evidence.signs.push({ kind: "disconnect", agentId: "a", connectionId: "B=", at: 9900 });
      store(evidence, 10_000, 10_400, { status: "offline", connectionId: "B=" });
      expect(findings(judge(evidence))).toEqual({ falseOfflines: 1 });
    });
  });

  describe("excuses an agent that reads as offline", () => {
    const offline = (evidence: Evidence) =>
      store(evidence, 10_000, 11_000, { status: "offline", leaseExpiresAt: 12_000 });

    it("after the gateway has told the end of its connection", () => {
      const { evidence } = history();
      evidence.signs.push(sign("disconnect", 9990));
      offline(evidence);
      expect(findings(judge(evidence))).toEqual({});
    });

    it("after it has itself given its connection up", () => {
      const { evidence, connection } = history();
      connection.endedAt = 9990;
      offline(evidence);
      expect(findings(judge(evidence))).toEqual({});
    });

    it("after the run has ended its connection, or the gateway", () => {
      const { evidence, agent } = history();
      agent.cuts.push(9990);
      offline(evidence);
      expect(findings(judge(evidence))).toEqual({});
      agent.cuts.length = 0;
      evidence.gatewayKills.push(9990);
      expect(findings(judge(evidence))).toEqual({});
    });

    it("a lease after the last heartbeat that was acknowledged", () => {
      const { evidence, connection } = history();
      connection.heartbeats = connection.heartbeats.filter(({ sentAt }) => sentAt < 4000);
      offline(evidence);
      expect(findings(judge(evidence))).toEqual({});
    });
  });

  describe("finds a late detection", () => {
    it("of an agent that reads as online a lease after the gateway last heard of it", () => {
      const { evidence, connection } = history(4000);
      connection.endedAt = 4000;
      store(evidence, 4000, 20_000, { leaseExpiresAt: 30_000 });
      const verdict = judge(evidence);
      expect(findings(verdict)).toEqual({ late: 1 });
      expect(verdict.late[0]?.firstAt).toBe(8500);
    });

    it("of an agent that was killed and reads as offline only after its bound", () => {
      const { evidence, agent } = history(4000);
      agent.absences.push({ kind: "killed", from: 4000, until: Number.POSITIVE_INFINITY });
      // As if it were heard after its death: so only the death itself can tell.
      evidence.signs.push(sign("heartbeat", 8000));
      agent.cuts.push(4000);
      store(evidence, 4000, 12_000, { leaseExpiresAt: 14_002 });
      store(evidence, 12_000, 20_000, { status: "offline" });
      const verdict = judge(evidence);
      expect(findings(verdict)).toEqual({ late: 1 });
      expect(verdict.detections).toMatchObject([{ kind: "killed", ms: 8003 }]);
    });
  });

  it("measures a detection, and adds to its bound what the run itself was late", () => {
    const { evidence, agent } = history(4000);
    agent.absences.push({ kind: "stopped", from: 4000, until: Number.POSITIVE_INFINITY });
    store(evidence, 10_000, 20_000, { leaseExpiresAt: 8002 });
    evidence.lags.push({ at: 5000, ms: 300 });
    const [detection] = judge(evidence).detections;
    // The first look that ends after the lease.
    expect(detection).toMatchObject({ kind: "stopped", ms: 4003 });
    expect(detection?.boundMs).toBe(LEASE_MS + 503 + 300 + 20);
  });

  it("counts a handshake that was under way at the death as a sign of life", () => {
    const { evidence, agent } = history(4000);
    agent.absences.push({ kind: "cut off", from: 4000, until: Number.POSITIVE_INFINITY });
    evidence.signs.push({ kind: "connect", agentId: "a", connectionId: "B=", at: 7000 });
    store(evidence, 7000, 20_000, { leaseExpiresAt: 13_000, connectionId: "B=" });
    expect(findings(judge(evidence))).toEqual({});
  });

  describe("finds in what was told", () => {
    const changes = [
      { id: "1", agentId: "a", status: "online" },
      { id: "2", agentId: "a", status: "offline" },
      { id: "3", agentId: "a", status: "online" },
    ];
    const toldIn = (...ids: string[]) => {
      const { evidence } = history();
      const statuses: Record<string, string> = { "2": "offline" };
      evidence.changes = changes;
      evidence.told = ids.map((id, index) => ({
        id,
        agentId: "a",
        status: statuses[id] ?? "online",
        toldAt: index,
      }));
      return judge(evidence);
    };

    it("nothing wrong, though an event comes again under its id", () => {
      const verdict = toldIn("1", "2", "1", "2", "3", "3");
      expect(findings(verdict)).toEqual({});
      expect(verdict.repeated).toBe(3);
    });

    it("a change that no event tells", () => {
      expect(findings(toldIn("1", "2"))).toEqual({ lost: 1 });
    });

    it("an event under another id than that of the change", () => {
      expect(findings(toldIn("1", "2", "3", "4"))).toEqual({ duplicated: 1 });
    });

    it("an event that comes before an earlier one", () => {
      expect(findings(toldIn("1", "3", "2"))).toEqual({ disordered: 2 });
    });
  });

  describe("finds what is left over:", () => {
    it("sockets of agents, connections of the gateway, links", () => {
      const { evidence, agent } = history();
      agent.socketsLeft = 2;
      evidence.leftovers.gatewayConnections = 1;
      evidence.leftovers.links = 1;
      expect(findings(judge(evidence))).toEqual({ sockets: 3 });
    });

    it("rows that are stored as online", () => {
      const { evidence } = history();
      evidence.leftovers.onlineRows.push("a");
      expect(findings(judge(evidence))).toEqual({ rows: 1 });
    });

    it("subscriptions of a connection whose end was carried out, or that stay too long", () => {
      const { evidence } = history();
      const soon = evidence.endedAt / 1000 + 3600;
      const left = (connectionId: string, ttlEpochSeconds: number | undefined) =>
        evidence.leftovers.subscriptions.push({ connectionId, ttlEpochSeconds });
      left("excused", soon);
      left("carried out", soon);
      left("subscribed late", soon);
      left("for ever", undefined);
      left("for a day", soon + 24 * 3600);
      for (const id of ["carried out", "subscribed late"]) evidence.released.add(id);
      evidence.crossed.add("subscribed late");
      expect(findings(judge(evidence))).toEqual({ subscriptions: 3 });
    });
  });

  it("finds agents that did not come back", () => {
    const { evidence } = history();
    evidence.notBack.push("a");
    expect(findings(judge(evidence))).toEqual({ notBack: 1 });
  });
});
