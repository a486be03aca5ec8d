import type { StatusRow } from "@agent-heartbeat/sdk/status";
import { marshall } from "@aws-sdk/util-dynamodb";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { DeliveryMessage, ErrorMessage } from "../../../core/protocol";
import type { Noted, Removal } from "../../../lambda/messaging/open-requests";
import type { ListedConnection } from "../../../lambda/messaging/subscriptions";
import { type StreamEvent, transitionsHandler } from "../../../lambda/transitions/handler";
import { lostRequests } from "../../../lambda/transitions/lost-requests";
import { entryFault } from "../../../testing/event-schemas";
import { ConnectionsRecorder, LogRecorder, MetricsRecorder } from "../../../testing/presence";
import { seededRandom } from "../../../testing/random";

type Entry = {
  DetailType: string;
  Detail: string;
  Source: string;
  EventBusName: string;
  Time: Date;
};

const ONLINE: StatusRow = {
  organizationId: "acme",
  agentId: "a1",
  status: "online",
  connectionId: "A=",
  connections: new Set(["A=.key"]),
  connectedAt: 1000,
  onlineSince: 1000,
  lastHeartbeatAt: 5000,
  leaseExpiresAt: 95_000,
  heartbeatIntervalMs: 30_000,
  instanceId: "process-a",
  ttlEpochSeconds: 1_000_000,
};
const { onlineSince: _, ...rest } = ONLINE;
const { connections: __, ...ended } = rest;
const CLOSED: StatusRow = {
  ...ended,
  lastEnded: "A=",
  status: "offline",
  reason: "client_closed",
  disconnectedAt: 6000,
};
const EXPIRED: StatusRow = { ...rest, status: "offline", reason: "lease_expired" };

const STALLED: StatusRow = { ...ONLINE, stallsAt: 7000, stalledSince: 7000 };
const ADVANCED: StatusRow = { ...ONLINE, activity: { state: "working", progressAt: 8000 } };

const WORKING: StatusRow = { ...ONLINE, activity: { state: "working" } };
const DRAINING: StatusRow = { ...ONLINE, lastHeartbeatAt: 9000, activity: { state: "draining" } };

const NOW = 10_000_000;

let serial = 0;
function change(
  before: StatusRow | undefined,
  after: StatusRow | undefined,
): StreamEvent["Records"][0] {
  serial += 1;
  const image = (row: StatusRow) => marshall(row, { removeUndefinedValues: true });
  return {
    eventID: `event-${serial}`,
    dynamodb: {
      SequenceNumber: `sequence-${serial}`,
      ...(before && { OldImage: image(before) }),
      ...(after && { NewImage: image(after) }),
    },
  };
}

describe("transitions", () => {
  let sent: Entry[][];
  let kept: string[];
  let claimed: Set<string>;
  let unsubscribed: string[];
  let listed: (ListedConnection & { agentId: string })[];
  let published: [string, DeliveryMessage][];
  let answered: [string, string, DeliveryMessage][];
  /** What becomes of a note instead of its removal. */
  let removal: Removal | undefined;
  /** Requests that agents have not answered. */
  let open: (Noted & { agentId: string })[];
  let failures: (index: number, entry: Entry) => boolean;
  let connections: ConnectionsRecorder;
  let metrics: MetricsRecorder;
  let transitions: ReturnType<typeof transitionsHandler>;
  afterEach(() => {
    // Whatever a test publishes keeps to the contract.
    expect(sent.flat().map(entryFault).filter(Boolean)).toEqual([]);
  });

  beforeEach(() => {
    sent = [];
    published = [];
    answered = [];
    open = [];
    removal = undefined;
    kept = [];
    claimed = new Set();
    unsubscribed = [];
    listed = [];
    failures = () => false;
    connections = new ConnectionsRecorder();
    metrics = new MetricsRecorder();
    transitions = transitionsHandler({
      events: {
        send: async ({ input }: { input: { Entries: Entry[] } }) => {
          sent.push(input.Entries);
          const results = input.Entries.map((entry, index) =>
            failures(index, entry) ? { ErrorCode: "ThrottlingException" } : { EventId: "e" },
          );
          return { Entries: results };
        },
      } as never,
      eventBusName: "bus",
      connections,
      subscriptions: {
        removeConnection: async (connectionId) => void unsubscribed.push(connectionId),
        connectionsOf: async (_, agentId) => listed.filter((one) => one.agentId === agentId),
      },
      messageRouter: {
        publish: async (organizationId, message) => {
          published.push([organizationId, message]);
          return { reached: 0, posts: 0, complete: true };
        },
      },
      answerFor: lostRequests({
        requests: {
          of: async (_, agentId) => open.filter((one) => one.agentId === agentId),
          remove: async ({ replyTo }) => {
            if (removal) return removal;
            const before = open.length;
            open = open.filter((one) => one.replyTo !== replyTo);
            return open.length < before ? "removed" : "absent";
          },
        },
        messageRouter: {
          send: async (organizationId, agentId, message) => {
            answered.push([organizationId, agentId, message]);
            return 1;
          },
        },
        clock: () => NOW,
        log: new LogRecorder(),
      }),
      history: {
        claim: async ({ transitionId }) => {
          if (claimed.has(transitionId)) return undefined;
          claimed.add(transitionId);
          return claimed.size;
        },
        add: async ({ transitionId }) => {
          kept.push(transitionId);
          throw new Error("throttled");
        },
      },
      count: metrics.count,
      clock: () => NOW,
      log: new LogRecorder(),
    });
  });

  const handle = async (...Records: StreamEvent["Records"]) => {
    const result = await transitions({ Records });
    const events = sent.flat().map(({ DetailType, Detail }) => [DetailType, JSON.parse(Detail)]);
    return { result, events };
  };

  it("publishes that an agent connected for the first time", async () => {
    const record = change(undefined, ONLINE);
    const { events } = await handle(record);
    expect(events).toEqual([
      [
        "Agent Online",
        {
          transitionId: record.eventID,
          organizationId: "acme",
          agentId: "a1",
          event: "online",
          status: "online",
          previousStatus: null,
          reason: "connected",
          at: 5000,
          since: 1000,
          connectionId: "A=",
          instanceId: "process-a",
          connectedAt: 1000,
          lastHeartbeatAt: 5000,
          leaseExpiresAt: 95_000,
          leaseMs: 90_000,
          heartbeatIntervalMs: 30_000,
          activity: null,
          stalledSince: null,
        },
      ],
    ]);
    expect(sent[0]?.[0]).toMatchObject({ Source: "agent-heartbeat", EventBusName: "bus" });
  });

  const request = (
    agentId: string,
    instanceId: string,
    number: number,
    lastHeartbeatAt = 5000,
  ) => ({
    agentId,
    instanceId,
    lastHeartbeatAt,
    replyTo: `_inbox.planner~1.${number}`,
    attempt: number,
  });
  const answers = () => answered.map(([, requester, { subject }]) => [requester, subject]);

  it("answers the requests to a process that went offline, once, and no requests to others", async () => {
    open = [
      request("a1", "process-a", 1),
      request("a1", "process-a", 2),
      request("a1", "process-b", 3),
      request("a2", "process-a", 4),
    ];
    const record = change(ONLINE, CLOSED);
    await handle(record);
    await handle(record);
    expect(answers()).toEqual([
      ["planner.1", "_inbox.planner~1.1"],
      ["planner.1", "_inbox.planner~1.2"],
    ]);
    expect(answered[0]).toEqual([
      "acme",
      "planner.1",
      {
        type: "message",
        messageId: `${record.eventID}:_inbox.planner~1.1`,
        subject: "_inbox.planner~1.1",
        data: {
          error: {
            code: "receiver_lost",
            message: "a1 went offline (client_closed) before it answered",
          },
          attempt: 1,
        },
        from: "service",
      },
    ]);
    expect(open.map(({ replyTo }) => replyTo.slice(-1))).toEqual(["3", "4"]);
  });

  it("answers no request whose note another run has deleted, but one that it may have deleted itself", async () => {
    open = [request("a1", "process-a", 1)];
    removal = "absent";
    await handle(change(ONLINE, CLOSED));
    expect(answers()).toEqual([]);
    removal = "unknown";
    await handle(change(ONLINE, CLOSED));
    expect(answers()).toEqual([["planner.1", "_inbox.planner~1.1"]]);
  });

  it("answers no request to the same process since it came back, because the stream may be late", async () => {
    open = [request("a1", "process-a", 1), request("a1", "process-a", 2, 7000)];
    await handle(change(ONLINE, CLOSED));
    expect(answers()).toEqual([["planner.1", "_inbox.planner~1.1"]]);
  });

  it("answers nothing for an agent that drains or stalls, because it may still answer", async () => {
    open = [request("a1", "process-a", 1)];
    await handle(change(WORKING, DRAINING), change(ONLINE, STALLED));
    expect(answers()).toEqual([]);
  });

  it("answers for an older process that has gone, and not while it may still answer", async () => {
    const newer: StatusRow = {
      ...ONLINE,
      instanceId: "process-b",
      connectionId: "B=",
      connections: new Set(["B=.key"]),
      displaced: new Set(["A=.key"]),
      displacedAt: 6000,
      lastHeartbeatAt: 6000,
    };
    open = [
      request("a1", "process-a", 1),
      request("a1", "process-b", 2, 6000),
      // A third process has taken the row meanwhile.
      request("a1", "process-c", 3, 7000),
    ];
    await handle(change(ONLINE, newer));
    expect(answers()).toEqual([]);
    connections.post = async () => "gone";
    await handle(change(ONLINE, newer));
    expect(answers()).toEqual([["planner.1", "_inbox.planner~1.1"]]);
    expect(answered[0]?.[2].data).toMatchObject({
      error: { message: "a1 was restarted before it answered" },
    });
  });

  it.each([
    ["closed", ONLINE, CLOSED, "Agent Offline", "client_closed", 6000],
    ["ran out of its lease", ONLINE, EXPIRED, "Agent Offline", "lease_expired", 95_000],
    [
      "came back on a new connection",
      { ...CLOSED, connectionId: "0=" },
      ONLINE,
      "Agent Online",
      "connected",
      5000,
    ],
    ["came back by a heartbeat", EXPIRED, ONLINE, "Agent Online", "revived", 5000],
    ["was deleted while online", ONLINE, undefined, "Agent Offline", "lease_expired", 95_000],
    ["stalled", ONLINE, STALLED, "Agent Stalled", "no_progress", 7000],
    ["advanced again", STALLED, ADVANCED, "Agent Recovered", "progress", 8000],
    ["began to drain", WORKING, DRAINING, "Agent Draining", "drain_started", 9000],
    [
      "began to drain before it said anything",
      ONLINE,
      DRAINING,
      "Agent Draining",
      "drain_started",
      9000,
    ],
    ["drains, and came back by a heartbeat", EXPIRED, DRAINING, "Agent Online", "revived", 9000],
  ] as const)("publishes that an agent %s", async (_, before, after, type, reason, at) => {
    const { events } = await handle(change(before, after));
    expect(events).toEqual([[type, expect.objectContaining({ reason, at })]]);
  });

  it.each([
    ["a heartbeat", ONLINE, { ...ONLINE, lastHeartbeatAt: 9000 }],
    ["a rotation", ONLINE, { ...ONLINE, connections: new Set(["A=.key", "B=.key"]) }],
    ["a heartbeat of a stalled agent", STALLED, { ...STALLED, lastHeartbeatAt: 9000 }],
    ["a further heartbeat of a draining agent", DRAINING, { ...DRAINING, lastHeartbeatAt: 9500 }],
    ["a process that takes over from a draining one", DRAINING, WORKING],
    ["the purge of an offline row", CLOSED, undefined],
    ["the end of a connection that was never seen", undefined, CLOSED],
  ] as const)("publishes nothing about %s", async (_, before, after) => {
    expect(await handle(change(before, after))).toEqual({
      result: { batchItemFailures: [] },
      events: [],
    });
  });

  it("sends subscribers what it published on the bus, in order", async () => {
    const records = [change(undefined, ONLINE), change(ONLINE, CLOSED), change(CLOSED, ONLINE)];
    const { events } = await handle(...records);
    expect(published).toEqual(
      events.map(([, data], index) => [
        "acme",
        {
          type: "message",
          messageId: records[index]?.eventID,
          subject: "presence.a1",
          data,
          from: "service",
        },
      ]),
    );
  });

  it("stores every transition in the history, and continues if that fails", async () => {
    const records = [change(undefined, ONLINE), change(ONLINE, CLOSED)];
    expect(await handle(...records)).toMatchObject({ result: { batchItemFailures: [] } });
    expect(kept).toEqual(records.map(({ eventID }) => eventID));
    expect(published).toHaveLength(2);
  });

  it("sends subscribers nothing that the bus refused, because it is retried", async () => {
    failures = (index) => index === 1;
    await handle(...["a1", "a2", "a3"].map((agentId) => change(undefined, { ...ONLINE, agentId })));
    expect(published.map(([, { subject }]) => subject)).toEqual(["presence.a1", "presence.a3"]);
  });

  it("counts published transitions by reason", async () => {
    failures = (index) => index === 3;
    const agents = ["a1", "a2", "a3", "a4"].map((agentId) => ({ ...ONLINE, agentId }));
    const [a1, a2, a3, a4] = agents;
    await handle(
      change(undefined, a1),
      change(a2, { ...CLOSED, agentId: "a2" }),
      change(undefined, a3),
      change(undefined, a4),
    );
    expect(metrics.counts).toEqual({ "Transitions connected": 2, "Transitions client_closed": 1 });
  });

  it("counts a drain once, when it ends", async () => {
    const drained: StatusRow = { ...CLOSED, reason: "drained" };
    await handle(change(WORKING, DRAINING), change(DRAINING, drained));
    expect(metrics.counts).toEqual({ "Transitions drained": 1 });
  });

  it("notifies and closes every connection of a locked-out agent, whatever the row said before", async () => {
    const displaced = new Set(["B=.key", "-"]);
    const { lastEnded: _, ...offline } = CLOSED;
    const revoked: StatusRow = {
      ...offline,
      reason: "revoked",
      fencingToken: 9,
      displacedAt: 6000,
    };
    for (const before of [
      { ...ONLINE, displaced },
      { ...EXPIRED, displaced },
    ]) {
      connections.calls.length = 0;
      unsubscribed.length = 0;
      await handle(change(before, revoked));
      expect(unsubscribed).toEqual(["A=", "B="]);
      const of = (call: string) => connections.calls.filter(([name]) => name === call);
      expect(of("post").map(([, id, message]) => [id, (message as ErrorMessage).code])).toEqual([
        ["A=", "revoked"],
        ["B=", "revoked"],
      ]);
      expect(of("close").map(([, id]) => id)).toEqual(["A=", "B="]);
    }
  });

  it("notifies connections of viewers and publishers, and closes those that logged in before the lock-out", async () => {
    const [early, late, other] = [
      { agentId: "v1", connectionId: "A=", fencingToken: 8, keyTag: "first" },
      { agentId: "v1", connectionId: "B=", fencingToken: 9, keyTag: "second" },
      { agentId: "v2", connectionId: "C=", fencingToken: 8, keyTag: "first" },
    ];
    listed = [early, late, other];
    const name = {
      organizationId: "acme",
      agentId: "v1",
      displacedAt: 6000,
      ttlEpochSeconds: 9000,
    };
    const closed = () => connections.calls.filter(([call]) => call === "close").map(([, id]) => id);
    const tokenOnly = { ...name, fencingToken: 9 } as StatusRow;
    await handle(change(undefined, tokenOnly));
    expect(closed()).toEqual(["A="]);
    expect(connections.calls[0]).toMatchObject(["post", "A=", { code: "revoked" }]);
    await handle(change(tokenOnly, { ...tokenOnly, displacedAt: 7000 }));
    expect(closed()).toEqual(["A="]);
    listed = [late];
    const before = { ...tokenOnly, revokedKeys: ["other", "first"] };
    await handle(change(before, { ...before, revokedKeys: ["first", "second"] }));
    expect(closed()).toEqual(["A=", "B="]);
  });

  it("notifies a superseded process's connections, removes their subscriptions, and leaves them open", async () => {
    const taken = { ...ONLINE, instanceId: "process-b", connectionId: "B=", displacedAt: 6000 };
    await handle(
      change(ONLINE, {
        ...taken,
        connections: new Set(["B=.key"]),
        displaced: new Set(["A=.key"]),
      }),
    );
    expect(unsubscribed).toEqual(["A="]);
    expect(connections.calls).toEqual([["post", "A=", { type: "superseded" }]]);
  });

  it("closes a connection that its own process has replaced, without a message", async () => {
    const after = { connections: new Set(["B=.key"]), displaced: new Set(["A=.key"]) };
    await handle(change(ONLINE, { ...ONLINE, connectionId: "B=", ...after, displacedAt: 6000 }));
    expect(connections.calls).toEqual([["close", "A="]]);
  });

  it.each([
    [
      "another process",
      "process-b",
      [["post", "A=", expect.objectContaining({ code: "revoked" })]],
    ],
    ["its own process", "process-a", []],
  ])(
    "closes a connection from before a lock-out if %s has logged in since, before the lock-out was written",
    async (_, instanceId, posted) => {
      const before = { ...ONLINE, fencingToken: 7 };
      const after = { connections: new Set(["B=.key"]), displaced: new Set(["A=.key"]) };
      await handle(
        change(before, { ...before, ...after, instanceId, fencingToken: 8, displacedAt: 6000 }),
      );
      expect(unsubscribed).toEqual(["A="]);
      expect(connections.calls).toEqual([...posted, ["close", "A="]]);
    },
  );

  it("closes a connection that was displaced a second time", async () => {
    const before = { ...ONLINE, displaced: new Set(["Z=.key"]) };
    const after = { connections: new Set(["B=.key"]), displaced: new Set(["A=.key"]) };
    await handle(change(before, { ...ONLINE, instanceId: "process-b", ...after, displacedAt: 1 }));
    expect(connections.calls).toContainEqual(["close", "Z="]);
  });

  it("publishes more than ten transitions in order", async () => {
    const records = Array.from({ length: 23 }, (_, index) =>
      change(undefined, { ...ONLINE, agentId: `a${index}` }),
    );
    const { events } = await handle(...records);
    expect(sent.map((entries) => entries.length)).toEqual([10, 10, 3]);
    expect(events.map(([, detail]) => detail.agentId)).toEqual(
      records.map((_, index) => `a${index}`),
    );
  });

  it("requests the stream again from the first transition that the bus refused", async () => {
    failures = (index) => index === 1;
    const records = ["a1", "a2", "a3"].map((agentId) => change(undefined, { ...ONLINE, agentId }));
    const { result } = await handle(...records);
    const itemIdentifier = records[1]?.dynamodb.SequenceNumber;
    expect(result).toEqual({ batchItemFailures: [{ itemIdentifier }] });
  });

  it("requests the first one in the order of the stream, also if the agents' changes are interleaved", async () => {
    const of = (agentId: string) => [
      change(undefined, { ...ONLINE, agentId }),
      change({ ...ONLINE, agentId }, { ...CLOSED, agentId }),
    ];
    const [a, b] = [of("a1"), of("a2")] as [StreamEvent["Records"], StreamEvent["Records"]];
    const records = [a[0], b[0], a[1], b[1]] as StreamEvent["Records"];
    // The last of one agent and the first of the other: a lane has all changes of the one before those of the other.
    const refused = new Set([a[1]?.eventID, b[0]?.eventID]);
    failures = (_, { Detail }) => refused.has(JSON.parse(Detail).transitionId);
    const { result } = await handle(...records);
    const itemIdentifier = b[0]?.dynamodb.SequenceNumber;
    expect(result).toEqual({ batchItemFailures: [{ itemIdentifier }] });
  });

  it("loses no transition, and publishes none under another id, whatever the bus refuses", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `a${index}`);
    const records = [
      ...names.map((agentId) => change(undefined, { ...ONLINE, agentId })),
      ...names
        .toReversed()
        .map((agentId) => change({ ...ONLINE, agentId }, { ...CLOSED, agentId })),
    ];
    const random = seededRandom(1);
    const taken: string[] = [];
    failures = (_, { Detail }) => {
      if (random() < 0.3) return true;
      taken.push(JSON.parse(Detail).transitionId);
      return false;
    };
    let rest: StreamEvent["Records"] = records;
    while (rest.length > 0) {
      const [failure] = (await transitions({ Records: rest })).batchItemFailures;
      rest = failure
        ? rest.slice(
            rest.findIndex(({ dynamodb }) => dynamodb.SequenceNumber === failure.itemIdentifier),
          )
        : [];
    }
    expect(new Set(taken)).toEqual(new Set(records.map(({ eventID }) => eventID)));
    for (const [index] of names.entries()) {
      const [came, went] = [records[index], records[records.length - 1 - index]];
      // The bus may take it before the one that it refuses in the same call; then it is published again.
      expect(taken.lastIndexOf(went?.eventID ?? "")).toBeGreaterThan(
        taken.indexOf(came?.eventID ?? ""),
      );
    }
  });

  it("publishes an agent's transitions from a refused one on again, in order, and notifies subscribers once", async () => {
    const records = [change(undefined, ONLINE), change(ONLINE, CLOSED), change(CLOSED, ONLINE)];
    failures = (index) => index === 1;
    const { result } = await handle(...records);
    expect(result.batchItemFailures).toEqual([
      { itemIdentifier: records[1]?.dynamodb.SequenceNumber },
    ]);
    expect(published).toHaveLength(1);
    failures = () => false;
    sent = [];
    // Lambda reads the stream again from there; another run may have read all of it.
    await handle(...records);
    expect(sent.flat().map(({ Detail }) => JSON.parse(Detail).transitionId)).toEqual(
      records.map(({ eventID }) => eventID),
    );
    expect(published.map(([, { messageId }]) => messageId)).toEqual(
      records.map(({ eventID }) => eventID),
    );
  });

  it("publishes the others in as few calls beside an agent that flaps", async () => {
    const records = Array.from({ length: 100 }, (_, index) =>
      index % 2 === 0
        ? change(index % 4 === 0 ? undefined : CLOSED, ONLINE)
        : change(undefined, { ...ONLINE, agentId: `quiet-${index}` }),
    );
    await handle(...records);
    expect(sent.map((entries) => entries.length)).toEqual(Array(10).fill(10));
  });

  it("publishes no other agent's transition again if one agent's transition is refused", async () => {
    failures = (_, { Detail }) => JSON.parse(Detail).agentId === "a2";
    const records = ["a1", "a2", "a3"].map((agentId) => change(undefined, { ...ONLINE, agentId }));
    await handle(...records);
    await handle(...records.slice(1));
    expect(published.map(([, { subject }]) => subject)).toEqual(["presence.a1", "presence.a3"]);
  });

  it("waits for a connection that can't be ended, but not for longer than five minutes", async () => {
    const after = { connections: new Set(["B=.key"]), displaced: new Set(["A=.key"]) };
    const displaced = { ...ONLINE, connectionId: "B=", ...after, displacedAt: 6000 };
    connections.close = () => Promise.reject(new Error("throttled"));
    const fresh = change(ONLINE, displaced);
    fresh.dynamodb.ApproximateCreationDateTime = NOW / 1000;
    expect((await handle(fresh)).result.batchItemFailures).toHaveLength(1);
    const old = change(ONLINE, displaced);
    old.dynamodb.ApproximateCreationDateTime = NOW / 1000 - 301;
    expect((await handle(old)).result.batchItemFailures).toEqual([]);
    expect(metrics.counts).toEqual({ "DisplacementsFailed given up": 1 });
  });

  it("requests the whole batch again if the bus can't be reached", async () => {
    failures = () => {
      throw new Error("no network");
    };
    const record = change(undefined, ONLINE);
    const { result } = await handle(record);
    const itemIdentifier = record.dynamodb.SequenceNumber;
    expect(result).toEqual({ batchItemFailures: [{ itemIdentifier }] });
  });
});
