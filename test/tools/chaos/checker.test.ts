import { describe, expect, it } from "@jest/globals";
import { checkRun, type RunFindings } from "../../../tools/chaos/checker/check-run";
import type {
  AgentEvidence,
  ClientConnection,
  Evidence,
  Look,
  StoredRow,
} from "../../../tools/chaos/evidence";

const LEASE_MS = 6000;
const LINK = "a.1.0";
const CONNECTION = "A=";

/**
 * An agent that connects at 0, sends a heartbeat every 2 s until `until`, is read every 500 ms
 * until 20 s, and leaves.
 */
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
    published: [{ id: "1", agentId: "a", status: "online", at: 0, swept: false, publishedAt: 100 }],
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

/** The stored row in the reads of a period. */
function store(evidence: Evidence, from: number, until: number, row: Partial<StoredRow>): void {
  evidence.looks = evidence.looks.map((one) =>
    one.begunAt >= from && one.begunAt < until ? look(one.begunAt, row) : one,
  );
}

/** The number of findings by kind. */
function findings(verdict: RunFindings): Record<string, number> {
  const { falseOfflines, late, lost, duplicated, disordered } = verdict;
  const { sockets, rows, subscriptions, notBack, revokedOnline, revokedHeard } = verdict;
  const all = { falseOfflines, late, lost, duplicated, disordered, revokedOnline, revokedHeard };
  return Object.fromEntries(
    Object.entries({ ...all, sockets, rows, subscriptions, notBack })
      .filter(([, found]) => found.length > 0)
      .map(([name, found]) => [name, found.length]),
  );
}

describe("the checker of a chaos run", () => {
  it("finds nothing wrong in a healthy run, and reports how long it observed", () => {
    const result = checkRun(history().evidence);
    expect(findings(result)).toEqual({});
    expect(result.passed).toBe(true);
    expect(result.observedSeconds).toBeCloseTo(19, 0);
  });

  describe("finds a false offline", () => {
    it.each<[string, Partial<StoredRow>]>([
      ["stored as offline", { status: "offline", leaseExpiresAt: 12_000 }],
      ["stored with a shortened lease", { leaseExpiresAt: 9000 }],
    ])("of an acknowledged agent that is %s", (_, row) => {
      const { evidence } = history();
      store(evidence, 10_000, 11_000, row);
      const result = checkRun(evidence);
      expect(findings(result)).toEqual({ falseOfflines: 1 });
      expect(result.falseOfflines[0]).toMatchObject({ agentId: "a", firstAt: 10_000, looks: 2 });
      expect(result.passed).toBe(false);
    });

    it("of an agent without a row", () => {
      const { evidence } = history();
      evidence.looks[10]?.rows.clear();
      expect(findings(checkRun(evidence))).toEqual({ falseOfflines: 1 });
    });

    it("of an agent with two connections when only the newer one has ended", () => {
      const { evidence, agent } = history();
      const heartbeats = [{ sentAt: 8000, ackedAt: 8010 }];
      agent.connections.set("a.1.1", { openedAt: 8000, endedAt: 9900, heartbeats });
      evidence.connectionIds.set("a.1.1", "B=");
      evidence.signs.push({ kind: "disconnect", agentId: "a", connectionId: "B=", at: 9900 });
      store(evidence, 10_000, 10_400, { status: "offline", connectionId: "B=" });
      expect(findings(checkRun(evidence))).toEqual({ falseOfflines: 1 });
    });
  });

  describe("accepts an agent that is read as offline", () => {
    const offline = (evidence: Evidence) =>
      store(evidence, 10_000, 11_000, { status: "offline", leaseExpiresAt: 12_000 });

    it("after the gateway has reported the end of its connection", () => {
      const { evidence } = history();
      evidence.signs.push(sign("disconnect", 9990));
      offline(evidence);
      expect(findings(checkRun(evidence))).toEqual({});
    });

    it("after it has given up its connection", () => {
      const { evidence, connection } = history();
      connection.endedAt = 9990;
      offline(evidence);
      expect(findings(checkRun(evidence))).toEqual({});
    });

    it("after the run or the gateway has ended its connection", () => {
      const { evidence, agent } = history();
      agent.cuts.push(9990);
      offline(evidence);
      expect(findings(checkRun(evidence))).toEqual({});
      agent.cuts.length = 0;
      evidence.gatewayKills.push(9990);
      expect(findings(checkRun(evidence))).toEqual({});
    });

    it("one lease after its last acknowledged heartbeat", () => {
      const { evidence, connection } = history();
      connection.heartbeats = connection.heartbeats.filter(({ sentAt }) => sentAt < 4000);
      offline(evidence);
      expect(findings(checkRun(evidence))).toEqual({});
    });
  });

  describe("finds a late detection", () => {
    it("of an agent read as online one lease after its last sign of life", () => {
      const { evidence, connection } = history(4000);
      connection.endedAt = 4000;
      store(evidence, 4000, 20_000, { leaseExpiresAt: 30_000 });
      const result = checkRun(evidence);
      expect(findings(result)).toEqual({ late: 1 });
      expect(result.late[0]?.firstAt).toBe(8500);
    });

    it("of a killed agent that is read as offline only after the bound", () => {
      const { evidence, agent } = history(4000);
      agent.absences.push({ kind: "killed", from: 4000, until: Number.POSITIVE_INFINITY });
      // As if the gateway received a message long after the death, so only the death itself matters.
      evidence.signs.push(sign("heartbeat", 8000));
      agent.cuts.push(4000);
      store(evidence, 4000, 12_000, { leaseExpiresAt: 14_002 });
      store(evidence, 12_000, 20_000, { status: "offline" });
      const result = checkRun(evidence);
      expect(findings(result)).toEqual({ late: 1 });
      expect(result.detections).toMatchObject([{ kind: "killed", ms: 8003 }]);
    });
  });

  it("measures a detection, and extends the bound by the time between two reads", () => {
    const { evidence, agent } = history(4000);
    agent.absences.push({ kind: "stopped", from: 4000, until: Number.POSITIVE_INFINITY });
    store(evidence, 10_000, 20_000, { leaseExpiresAt: 8002 });
    const [detection] = checkRun(evidence).detections;
    // The first read that ends after the lease.
    expect(detection).toMatchObject({ kind: "stopped", ms: 4003 });
    expect(detection?.boundMs).toBe(LEASE_MS + 503 + 20);
  });

  it("counts a heartbeat under way at the time of death, for as long as link and gateway may be late", () => {
    const until = (at: number) => {
      const { evidence, agent } = history(4000);
      agent.absences.push({ kind: "killed", from: 4000, until: Number.POSITIVE_INFINITY });
      agent.cuts.push(4000);
      evidence.lags.push({ at: 4500, ms: 300 });
      evidence.longestDelayMs = 200;
      evidence.signs.push(sign("heartbeat", at));
      store(evidence, 4000, 20_000, { leaseExpiresAt: at + LEASE_MS });
      return findings(checkRun(evidence));
    };
    expect(until(4750)).toEqual({});
    expect(until(4850)).toEqual({ late: 1 });
  });

  it("counts a handshake in progress at the time of death as a sign of life", () => {
    const { evidence, agent } = history(4000);
    agent.absences.push({ kind: "cut off", from: 4000, until: Number.POSITIVE_INFINITY });
    evidence.signs.push({ kind: "connect", agentId: "a", connectionId: "B=", at: 7000 });
    store(evidence, 7000, 20_000, { leaseExpiresAt: 13_000, connectionId: "B=" });
    expect(findings(checkRun(evidence))).toEqual({});
  });

  describe("finds an agent that is locked out", () => {
    const lockedOut = () => {
      const { evidence, agent, connection } = history(4000);
      agent.cuts.push(4500);
      store(evidence, 4500, 20_000, { status: "offline", leaseExpiresAt: 0 });
      const how = "disable agents";
      evidence.lockOuts = [{ agentId: "a", begunAt: 4400, from: 5000, until: 18_000, how }];
      // Two writes, each read again from the stream later; and one of an earlier lock-out, and of another agent.
      evidence.settlements = [
        { id: "1", agentId: "a", writtenAt: 1000, at: 17_000 },
        { id: "2", agentId: "a", writtenAt: 4000, at: 5100 },
        { id: "3", agentId: "a", writtenAt: 5000, at: 15_000 },
        { id: "3", agentId: "a", writtenAt: 5000, at: 17_000 },
        { id: "4", agentId: "b", writtenAt: 5000, at: 17_000 },
      ];
      return { evidence, connection };
    };

    it("not if it is shown as offline, and gets nothing that was sent after its subscriptions were ended", () => {
      const { evidence } = lockedOut();
      evidence.heard = [
        { agentId: "a", sentAt: 14_900, at: 17_500 },
        { agentId: "b", sentAt: 17_500, at: 17_600 },
        { agentId: "a", sentAt: 17_900, at: 18_100 },
      ];
      expect(findings(checkRun(evidence))).toEqual({});
    });

    it("and is shown as online", () => {
      const { evidence } = lockedOut();
      store(evidence, 8000, 9000, { leaseExpiresAt: 20_000 });
      evidence.signs.push(sign("heartbeat", 7900));
      const verdict = checkRun(evidence);
      expect(findings(verdict)).toEqual({ revokedOnline: 1 });
      expect(verdict.revokedOnline[0]?.why).toBe("shown as online 3000 ms after: disable agents");
      expect(verdict.passed).toBe(false);
    });

    it("and is acknowledged a heartbeat that it sent then", () => {
      const { evidence, connection } = lockedOut();
      connection.heartbeats.push({ sentAt: 7000, ackedAt: 7010 });
      expect(findings(checkRun(evidence))).toEqual({ revokedOnline: 1 });
    });

    it("and gets a message that was sent later", () => {
      const { evidence } = lockedOut();
      evidence.heard = [{ agentId: "a", sentAt: 15_500, at: 15_600 }];
      expect(checkRun(evidence).revokedHeard).toEqual([
        "a: disable agents, got a message sent 10500 ms after, and 500 ms after its subscriptions were ended",
      ]);
    });

    it("and whose subscriptions are never ended", () => {
      const { evidence } = lockedOut();
      evidence.settlements = evidence.settlements.filter(({ id }) => id === "1" || id === "4");
      expect(findings(checkRun(evidence))).toEqual({ revokedHeard: 1 });
    });
  });

  it("finds an agent of which two processes went on side by side", () => {
    const { evidence } = history();
    evidence.notSuperseded = ["a"];
    expect(checkRun(evidence).passed).toBe(false);
  });

  it("finds an agent that was superseded although there was no newer process", () => {
    const { evidence } = history();
    evidence.supersededByNobody = ["a"];
    expect(checkRun(evidence).passed).toBe(false);
  });

  describe("finds in the published events", () => {
    const changes = [
      { id: "1", agentId: "a", status: "online" },
      { id: "2", agentId: "a", status: "offline" },
      { id: "3", agentId: "a", status: "online" },
    ];
    const publishedIn = (...ids: string[]) => {
      const { evidence } = history();
      const statuses: Record<string, string> = { "2": "offline" };
      evidence.changes = changes;
      evidence.published = ids.map((id, index) => ({
        id,
        agentId: "a",
        status: statuses[id] ?? "online",
        at: index,
        swept: false,
        publishedAt: index,
      }));
      return checkRun(evidence);
    };

    it("nothing wrong if an event is redelivered with the same id", () => {
      const result = publishedIn("1", "2", "1", "2", "3", "3");
      expect(findings(result)).toEqual({});
      expect(result.repeated).toBe(3);
    });

    it("a change without an event", () => {
      expect(findings(publishedIn("1", "2"))).toEqual({ lost: 1 });
    });

    it("an event with a wrong id", () => {
      expect(findings(publishedIn("1", "2", "3", "4"))).toEqual({ duplicated: 1 });
    });

    it("an event out of order", () => {
      expect(findings(publishedIn("1", "3", "2"))).toEqual({ disordered: 2 });
    });
  });

  describe("finds leaks of", () => {
    it("agents' sockets, the gateway's connections, and links", () => {
      const { evidence, agent } = history();
      agent.socketsLeft = 2;
      evidence.leftovers.gatewayConnections = 1;
      evidence.leftovers.links = 1;
      expect(findings(checkRun(evidence))).toEqual({ sockets: 3 });
    });

    it("rows stored as online", () => {
      const { evidence } = history();
      evidence.leftovers.onlineRows.push("a");
      expect(findings(checkRun(evidence))).toEqual({ rows: 1 });
    });

    it("subscriptions of a released connection, or with a late TTL", () => {
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
      expect(findings(checkRun(evidence))).toEqual({ subscriptions: 3 });
    });
  });

  it("finds agents that did not reconnect", () => {
    const { evidence } = history();
    evidence.notBack.push("a");
    expect(findings(checkRun(evidence))).toEqual({ notBack: 1 });
  });
});
