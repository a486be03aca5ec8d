import { beforeEach, describe, expect, it } from "@jest/globals";
import { seededRandom } from "../../../testing/random";
import {
  DISTURBANCES,
  type GroupEvidence,
  type Handling,
  type SentTask,
} from "../../../tools/chaos/groups/evidence";
import { type GroupFindings, judge } from "../../../tools/chaos/groups/judge";
import { planOf } from "../../../tools/chaos/groups/plan";
import { groupReportOf, groupTable } from "../../../tools/chaos/groups/report";

/** All members are well from then on. */
const CALM_AT = 3000;

let evidence: GroupEvidence;
const disturbed = (agentId: string, from: number, until: number) =>
  evidence.disturbances.push({ kind: "killed", agentIds: [agentId], from, until });
const handled = (task: number, agentId: string, attempt: number | null, at: number): Handling => {
  const handling = { agentId, task, messageId: `m${task}:workers`, attempt, at };
  evidence.handled.push(handling);
  return handling;
};
const sent = (task: number, more: Partial<SentTask> = {}): SentTask => {
  const sentAt = more.sentAt ?? task * 100;
  const outcome = { what: "answered", by: "a", attempt: 1 } as const;
  const one = {
    task,
    isRequest: true,
    toCapability: false,
    sentAt,
    endedAt: sentAt + 50,
    unreached: 0,
    outcome,
    ...more,
  };
  evidence.sent.push(one);
  return one;
};
/** A request that `a` has answered at once. */
const request = (task: number, more: Partial<SentTask> = {}) => {
  const one = sent(task, more);
  handled(task, "a", 1, one.sentAt + 10);
  return one;
};

const toCapability = { toCapability: true };
const published = (reached: number) =>
  ({ isRequest: false, outcome: { what: "published", reached } }) as const;

/** One disturbance of each kind, requests before, during and after them, and a message that is no request. */
beforeEach(() => {
  evidence = { members: 3, capable: ["a"], sent: [], handled: [], disturbances: [], losses: [] };
  for (const [index, kind] of DISTURBANCES.entries()) {
    const from = 500 + index * 500;
    evidence.disturbances.push({ kind, agentIds: ["c"], from, until: CALM_AT });
  }
  for (const task of [1, 2, 3, 30, 31]) request(task, { toCapability: task % 2 === 0 });
  sent(32, { isRequest: false, outcome: { what: "published", reached: 1 } });
  handled(32, "b", null, 3210);
});

const findings = () =>
  Object.entries(judge(evidence))
    .filter(([, found]) => found.length > 0)
    .map(([kind]) => kind as keyof GroupFindings);

describe("the judge of a group", () => {
  it("finds nothing where every message was handled by one member", () => {
    expect(findings()).toEqual([]);
    expect(groupReportOf(evidence, 1)).toMatchObject({ passed: true, requests: 5, answered: 5 });
    expect(groupTable(groupReportOf(evidence, 1)).at(-1)).toBe("passed");
  });

  it("finds a request without an answer, at its timeout or at all", () => {
    const outcome = { what: "failed", code: "RequestTimeoutError", message: "late" } as const;
    const one = sent(10, { endedAt: Number.POSITIVE_INFINITY, outcome: null });
    handled(10, "c", 1, 1010);
    expect(findings()).toEqual(["silent"]);
    one.outcome = outcome;
    expect(findings()).toEqual(["silent"]);
    const report = groupReportOf(evidence, 1);
    expect(groupTable(report)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^silent: request 10/), "FAILED"]),
    );
  });

  it.each([
    ["nobody", () => undefined],
    ["another member", () => handled(10, "b", 1, 1010)],
    ["another attempt", () => handled(10, "a", 2, 1010)],
  ])("finds an answer to a request that %s has handled", (_, also) => {
    sent(10);
    also();
    expect(findings()).toEqual(["unhandled"]);
  });

  it("finds a handled message that was never sent", () => {
    handled(99, "a", 1, 1000);
    expect(findings()).toEqual(["unhandled"]);
  });

  it.each([
    ["by the same member", "c", 1],
    ["by another member", "b", 1],
  ])("finds a message that was handled twice in one attempt, %s", (_, agentId, attempt) => {
    request(10);
    handled(10, agentId, attempt, 1020);
    expect(findings()).toContain("repeated");
  });

  it("finds a message without an answer that was handled twice", () => {
    sent(10, { isRequest: false, outcome: { what: "published", reached: 1 } });
    handled(10, "c", null, 1010);
    handled(10, "c", null, 1020);
    expect(findings()).toEqual(["repeated"]);
  });

  it("finds an attempt that has another messageId", () => {
    request(10);
    handled(10, "c", 2, 1020).messageId = "another";
    expect(findings()).toEqual(["repeated"]);
  });

  it("finds a second member, unless the first one failed in time or the message reached no member", () => {
    const one = request(10);
    handled(10, "b", 2, 1040);
    disturbed("a", 0, 999);
    disturbed("a", 1041, 1100);
    evidence.losses.push({ agentId: "a", at: 999 }, { agentId: "a", at: 1041 });
    expect(findings()).toEqual(["several"]);
    one.unreached = 1;
    expect(findings()).toEqual([]);
    one.unreached = 0;
    evidence.losses.push({ agentId: "a", at: 1020 });
    expect(findings()).toEqual([]);
    evidence.losses = [];
    disturbed("b", 1020, 1030);
    expect(findings()).toEqual([]);
  });

  it.each([
    ["receiver_lost", 1000, []],
    ["unavailable", 1000, []],
    ["NoReceiverError", 1000, []],
    // Nothing befalls any member at that time.
    ["receiver_lost", 400, ["unfounded"]],
    ["NoReceiverError", 400, ["unfounded"]],
    // Never foreseen.
    ["handler_failed", 1000, ["unfounded"]],
    ["no_handler", 1000, ["unfounded"]],
    ["rate_limited", 1000, ["unfounded"]],
  ])("of the error %s of a request sent at %i finds %j", (code, sentAt, expected) => {
    sent(10, { sentAt, outcome: { what: "failed", code, message: "in words" } });
    expect(findings()).toEqual(expected);
  });

  it("finds the error of a message without an answer", () => {
    const outcome = { what: "failed", code: "ConnectionError", message: "none" } as const;
    sent(10, { isRequest: false, outcome });
    expect(findings()).toEqual(["unfounded"]);
  });

  it("finds a message that reached several members", () => {
    sent(10, { isRequest: false, outcome: { what: "published", reached: 2 } });
    expect(findings()).toEqual(["spread"]);
  });

  it("finds a message to the capability that a member without it has handled, in any attempt", () => {
    const one = request(10);
    handled(10, "c", 2, 1020);
    disturbed("a", 1000, 1100);
    expect(findings()).toEqual([]);
    one.toCapability = true;
    expect(findings()).toEqual(["astray"]);
    evidence.capable.push("c");
    expect(findings()).toEqual([]);
    sent(11, { isRequest: false, toCapability: true, outcome: { what: "published", reached: 1 } });
    handled(11, "b", null, 1110);
    expect(findings()).toEqual(["astray"]);
  });

  it.each<[string, (keyof GroupFindings)[], () => unknown]>([
    ["was handled twice in one attempt", ["repeated", "several"], () => handled(10, "a", 1, 1020)],
    [
      "has another messageId in a later attempt",
      ["repeated"],
      () => Object.assign(handled(10, "c", 2, 1020), { messageId: "another" }),
    ],
    ["several members handled", ["several"], () => handled(10, "b", 2, 1020)],
    ["reached several members", ["spread"], () => sent(11, { ...toCapability, ...published(2) })],
    [
      "nobody handled while all members were well",
      ["lost"],
      () => sent(33, { ...toCapability, ...published(1) }),
    ],
  ])("finds a message to the capability that %s", (_, expected, happens) => {
    evidence.capable = ["a", "b", "c"];
    request(10, toCapability);
    happens();
    expect(findings()).toEqual(expected);
  });

  it.each([true, false])("finds that no request was answered, to the capability: %s", (to) => {
    for (const one of evidence.sent) one.toCapability = !to;
    evidence.capable = ["a", "b"];
    const what = to ? "the capability" : "the group";
    expect(judge(evidence).untested).toEqual([`no request to ${what} was answered`]);
  });

  it("lets a message without an answer be lost, but not while all members are well", () => {
    const published = { isRequest: false, outcome: { what: "published", reached: 1 } } as const;
    sent(10, published);
    expect(findings()).toEqual([]);
    sent(33, published);
    expect(findings()).toEqual(["lost"]);
  });

  it("finds a request that took a second attempt while all members were well", () => {
    const one = sent(33, { outcome: { what: "answered", by: "a", attempt: 2 } });
    handled(33, "a", 2, 3320);
    expect(findings()).toEqual(["lost"]);
    one.unreached = 1;
    expect(findings()).toEqual([]);
    one.unreached = 0;
    evidence.losses.push({ agentId: "b", at: 3310 });
    expect(findings()).toEqual([]);
  });

  it("finds that a run has tested nothing", () => {
    evidence.disturbances = evidence.disturbances.slice(1);
    expect(judge(evidence).untested).toEqual(["no member was killed"]);
    evidence.sent = evidence.sent.filter(({ sentAt }) => sentAt < CALM_AT);
    expect(judge(evidence).untested).toContain("nothing was sent after the last disturbance");
    for (const one of evidence.sent.slice(1)) {
      one.outcome = { what: "failed", code: "unavailable", message: "" };
    }
    expect(judge(evidence).untested).toContain("of 3 requests, 1 were answered");
  });
});

describe("the plan of a run of a group", () => {
  it.each([100, 600, 10_000])(
    "of %i messages has each kind twice, and ends in time",
    (messages) => {
      const { disturbances, calmFrom } = planOf(messages, seededRandom(messages));
      for (const kind of DISTURBANCES) {
        const found = disturbances.filter((each) => each.kind === kind);
        expect(found.length).toBeGreaterThanOrEqual(2);
      }
      const before = disturbances.map(({ beforeTask }) => beforeTask);
      expect(before).toEqual([...before].sort((a, b) => a - b));
      expect(before[0]).toBeGreaterThan(0);
      expect(before.at(-1)).toBeLessThan(calmFrom);
      expect(messages - calmFrom).toBeGreaterThanOrEqual(20);
      expect(planOf(messages, seededRandom(messages)).disturbances).toEqual(disturbances);
    },
  );
});
