import { randomUUID } from "node:crypto";
import { AgentRegistry, type RegisteredAgent } from "@agent-heartbeat/sdk/registry";
import { rowFromItem } from "@agent-heartbeat/sdk/status";
import {
  GetItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { fencingTokenOf } from "../../../core/registry-record";
import { type EnrolmentResult, enrol } from "../../../lambda/enrol/enrol";
import { dynamoDbEnrolmentStore } from "../../../lambda/enrol/store";
import { type Engine, startEngine } from "../../../testing/engine";
import { anyKey, enrolmentsOf, NO_STS } from "../../../testing/enrolments";
import { offlineRow, onlineRow, putRows } from "../../../testing/status-rows";

const HOUR = 3_600_000;

let engine: Engine;
let agents: AgentRegistry;
let organizationId: string;
let now: number;
let fleet: ReturnType<typeof enrolmentsOf>;
beforeAll(async () => {
  engine = await startEngine();
  const { client, registryTableName, statusTableName } = engine;
  agents = new AgentRegistry({ client, registryTableName, statusTableName });
});
afterAll(() => engine.stop());
beforeEach(() => {
  organizationId = `acme-${randomUUID()}`;
  now = Date.now();
  fleet = enrolmentsOf(engine, organizationId, () => now);
});

const outcome = (result: EnrolmentResult) =>
  "refused" in result ? result.refused : result.created ? "created" : "known";
const used = async ({ enrolmentId }: { enrolmentId: string }) =>
  (await fleet.registry.get({ organizationId, enrolmentId }))?.used;
const putRow = (agentId: string, row: (at: number) => ReturnType<typeof onlineRow>, at: number) =>
  putRows(engine.client, engine.statusTableName, [{ ...row(at), organizationId, agentId }]);
async function rowOf(agentId: string) {
  const { Item } = await engine.client.send(
    new GetItemCommand({
      TableName: engine.statusTableName,
      Key: marshall({ organizationId, agentId }),
    }),
  );
  return Item && rowFromItem(Item);
}

describe("enrolling", () => {
  it("registers the agent with its key, the enrolment's role and its id", async () => {
    const { token, enrolment } = await fleet.create({ role: "publisher" });
    const key = anyKey();
    expect(outcome(await fleet.enrol(token, "worker-1", key))).toBe("created");
    expect(await agents.get({ organizationId, agentId: "worker-1" })).toMatchObject({
      role: "publisher",
      enabled: true,
      enrolmentId: enrolment.enrolmentId,
      publicKeys: [{ keyId: key.keyId }],
      createdAt: now,
    });
    expect(await used(enrolment)).toBe(1);
  });

  it("succeeds again with the same key, and uses nothing up", async () => {
    const { token, enrolment } = await fleet.create({ uses: 1 });
    const key = anyKey();
    expect(outcome(await fleet.enrol(token, "worker-1", key))).toBe("created");
    expect(outcome(await fleet.enrol(token, "worker-1", key))).toBe("known");
    expect(await used(enrolment)).toBe(1);
    expect(outcome(await fleet.enrol(token, "worker-2"))).toBe("enrolment_used_up");
  });

  it("succeeds with either of an agent's keys after a rotation", async () => {
    const { token } = await fleet.create();
    const [first, second] = [anyKey(), anyKey()];
    await fleet.enrol(token, "worker-1", first);
    await agents.addKey({ organizationId, agentId: "worker-1", publicKey: second.jwk });
    expect(outcome(await fleet.enrol(token, "worker-1", first))).toBe("known");
  });

  it.each([
    ["an agent that an operator registered", {}],
    ["one that is disabled", { enabled: false }],
  ])("never takes the name of %s", async (_, options) => {
    const { token, enrolment } = await fleet.create();
    const publicKey = anyKey().jwk;
    await agents.register({ organizationId, agentId: "worker-1", publicKey, ...options });
    expect(outcome(await fleet.enrol(token, "worker-1"))).toBe("name_in_use");
    expect(await used(enrolment)).toBe(0);
  });

  it("refuses a disabled agent its own key", async () => {
    const { token } = await fleet.create();
    const key = anyKey();
    await fleet.enrol(token, "worker-1", key);
    await agents.disable({ organizationId, agentId: "worker-1" });
    expect(outcome(await fleet.enrol(token, "worker-1", key))).toBe("agent_disabled");
  });

  it.each(["worker", "Worker-1", "other-worker-1"])("refuses the name %s", async (agentId) => {
    const { token } = await fleet.create();
    expect(outcome(await fleet.enrol(token, agentId))).toBe("name_not_allowed");
  });

  it.each(["service", "event:aws.s3"])("refuses the reserved name %s", async (agentId) => {
    const { token } = await fleet.create({ agents: "*" });
    expect(outcome(await fleet.enrol(token, agentId))).toBe("name_not_allowed");
  });

  it("refuses an expired token, even to an agent that registered with it", async () => {
    const { token } = await fleet.create({ expiresAt: now + HOUR });
    const key = anyKey();
    await fleet.enrol(token, "worker-1", key);
    now += HOUR;
    expect(outcome(await fleet.enrol(token, "worker-1", key))).toBe("enrolment_expired");
    expect(outcome(await fleet.enrol(token, "worker-2"))).toBe("enrolment_expired");
  });

  it("refuses a revoked token, even to an agent that registered with it", async () => {
    const { token, enrolment } = await fleet.create();
    const key = anyKey();
    await fleet.enrol(token, "worker-1", key);
    await fleet.registry.revoke(enrolment);
    expect(outcome(await fleet.enrol(token, "worker-1", key))).toBe("enrolment_revoked");
    expect(outcome(await fleet.enrol(token, "worker-2"))).toBe("enrolment_revoked");
  });

  it("reveals nothing to a caller without a valid token", async () => {
    const { token, enrolment } = await fleet.create();
    const [prefix, id, secret = ""] = token.split(".");
    const guesses = [
      "",
      `${prefix}.${id}.${"a".repeat(43)}`,
      `${prefix}.${"0".repeat(16)}.${secret}`,
      `ahe_${Buffer.from("other").toString("base64url")}.${id}.${secret}`,
    ];
    await fleet.registry.revoke(enrolment);
    for (const guess of guesses) {
      expect(outcome(await fleet.enrol(guess, "worker-1"))).toBe("unauthorized");
    }
  });

  it("gives a name that was removed to the next one, which the old key's logins can't harm", async () => {
    const { token } = await fleet.create();
    await fleet.enrol(token, "worker-1");
    await agents.remove({ organizationId, agentId: "worker-1" });
    const result = await fleet.enrol(token, "worker-1");
    expect(outcome(result)).toBe("created");
    const { fencingToken = 0 } = (await rowOf("worker-1")) ?? {};
    const { agent } = result as { agent: RegisteredAgent };
    expect(fencingTokenOf(agent)).toBeGreaterThan(fencingToken);
  });

  it("gives the name of a registration that has ended to the next one", async () => {
    const { token } = await fleet.create();
    await agents.register({
      organizationId,
      agentId: "worker-1",
      publicKey: anyKey().jwk,
      expiresAt: now + HOUR,
    });
    expect(outcome(await fleet.enrol(token, "worker-1"))).toBe("name_in_use");
    now += HOUR;
    expect(outcome(await fleet.enrol(token, "worker-1"))).toBe("created");
  });

  it("tries again while transactions exclude each other", async () => {
    const { token, enrolment } = await fleet.create({ uses: 20 });
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, index) => fleet.enrol(token, `worker-${index}`)),
    );
    expect(results.map(outcome).filter((result) => result === "created")).toHaveLength(20);
    expect(results.map(outcome).filter((result) => result === "enrolment_used_up")).toHaveLength(
      20,
    );
    expect(await used(enrolment)).toBe(20);
  });
});

describe("enrolling while others do something", () => {
  const name = () => ({ organizationId, agentId: "worker-1" });

  it("is refused if the enrolment is revoked meanwhile", async () => {
    const { token, enrolment } = await fleet.create();
    const register = () => fleet.registry.revoke(enrolment);
    const result = await fleet.enrol(token, "worker-1", anyKey(), { register });
    expect(outcome(result)).toBe("enrolment_revoked");
    expect(await agents.get(name())).toBeUndefined();
    expect(await used(enrolment)).toBe(0);
  });

  it("is refused if others use the enrolment up meanwhile", async () => {
    const { token } = await fleet.create({ uses: 1 });
    const register = () => fleet.enrol(token, "worker-2");
    const result = await fleet.enrol(token, "worker-1", anyKey(), { register });
    expect(outcome(result)).toBe("enrolment_used_up");
    expect(await agents.get(name())).toBeUndefined();
  });

  it("succeeds if the same request uses the enrolment up meanwhile", async () => {
    const { token, enrolment } = await fleet.create({ uses: 1 });
    const key = anyKey();
    const register = () => fleet.enrol(token, "worker-1", key);
    expect(outcome(await fleet.enrol(token, "worker-1", key, { register }))).toBe("known");
    expect(await used(enrolment)).toBe(1);
  });

  it("is refused if another key gets the name meanwhile", async () => {
    const { token, enrolment } = await fleet.create();
    const first = anyKey();
    const register = () => fleet.enrol(token, "worker-1", first);
    const result = await fleet.enrol(token, "worker-1", anyKey(), { register });
    expect(outcome(result)).toBe("name_in_use");
    expect((await agents.get(name()))?.publicKeys[0]?.keyId).toBe(first.keyId);
    expect(await used(enrolment)).toBe(1);
  });

  it("is refused if a vanished agent comes back just before its name is given away", async () => {
    const { token, enrolment } = await fleet.create({ ephemeralMs: HOUR });
    await fleet.enrol(token, "worker-1");
    now += 2 * HOUR;
    const lockOut = () => putRow("worker-1", onlineRow, now);
    const result = await fleet.enrol(token, "worker-1", anyKey(), { lockOut });
    expect(outcome(result)).toBe("name_in_use");
    expect(await used(enrolment)).toBe(1);
    expect((await rowOf("worker-1"))?.status).toBe("online");
  });

  it("is refused if an operator locks the name out just before it is given away", async () => {
    const { token } = await fleet.create({ ephemeralMs: HOUR });
    await fleet.enrol(token, "worker-1");
    now += 2 * HOUR;
    const register = () => agents.disable(name());
    const result = await fleet.enrol(token, "worker-1", anyKey(), { register });
    expect(outcome(result)).toBe("name_in_use");
  });

  it("asks the client to try again if other transactions win each time", async () => {
    const { token, enrolment } = await fleet.create();
    const conflict = { Code: "TransactionConflict" };
    const store = dynamoDbEnrolmentStore({
      client: {
        send: async (command: object) => {
          if (!(command instanceof TransactWriteItemsCommand))
            return engine.client.send(command as never);
          const CancellationReasons = [conflict, { Code: "None" }];
          throw new TransactionCanceledException({
            message: "",
            $metadata: {},
            CancellationReasons,
          });
        },
      } as never,
      registryTableName: engine.registryTableName,
      statusTableName: engine.statusTableName,
      pause: async (ms) => pauses.push(ms),
      random: () => 1,
    });
    const pauses: number[] = [];
    const request = { token, agentId: "worker-1", publicKey: anyKey() };
    expect(outcome(await enrol(request, now, store, NO_STS))).toBe("contended");
    expect(pauses).toEqual([20, 40, 80, 160, 320, 640, 1280]);
    expect(await used(enrolment)).toBe(0);
  });
});

describe("an ephemeral registration", () => {
  const ephemeralMs = HOUR;

  it("keeps its name while its agent is online, and for some time after it has left", async () => {
    const { token } = await fleet.create({ ephemeralMs });
    await fleet.enrol(token, "worker-1");
    now += 5 * HOUR;
    await putRow("worker-1", onlineRow, now);
    expect(outcome(await fleet.enrol(token, "worker-1"))).toBe("name_in_use");
    await putRow("worker-1", offlineRow, now);
    now += ephemeralMs - 1;
    expect(outcome(await fleet.enrol(token, "worker-1"))).toBe("name_in_use");
    now += 1;
    expect(outcome(await fleet.enrol(token, "worker-1"))).toBe("created");
  });

  it("vanishes if its agent never connected", async () => {
    const { token, enrolment } = await fleet.create({ ephemeralMs, uses: 2 });
    await fleet.enrol(token, "worker-1");
    now += ephemeralMs - 1;
    expect(outcome(await fleet.enrol(token, "worker-1"))).toBe("name_in_use");
    now += 1;
    expect(outcome(await fleet.enrol(token, "worker-1"))).toBe("created");
    expect(await used(enrolment)).toBe(2);
  });

  it("counts an agent as seen until its lease ended, if its end was not recorded", async () => {
    const { token } = await fleet.create({ ephemeralMs });
    await fleet.enrol(token, "worker-1");
    const { leaseExpiresAt } = onlineRow(now);
    await putRow("worker-1", onlineRow, now);
    now = leaseExpiresAt + ephemeralMs - 1;
    expect(outcome(await fleet.enrol(token, "worker-1"))).toBe("name_in_use");
    now += 1;
    expect(outcome(await fleet.enrol(token, "worker-1"))).toBe("created");
  });

  it.each([
    ["left", offlineRow],
    ["fell silent, which no sweep has stored", onlineRow],
  ])("leaves nothing of an agent that %s to its old key", async (_, row) => {
    const { token } = await fleet.create({ ephemeralMs });
    const first = await fleet.enrol(token, "worker-1");
    await putRow("worker-1", row, now);
    now += 2 * ephemeralMs;
    const second = await fleet.enrol(token, "worker-1");
    const [old, next] = [first, second].map((result) =>
      fencingTokenOf((result as { agent: RegisteredAgent }).agent),
    );
    const left = await rowOf("worker-1");
    expect(left?.fencingToken).toBeGreaterThan(old ?? 0);
    expect(left?.fencingToken).toBeLessThan(next ?? 0);
    expect(left?.instanceId).toBeUndefined();
  });

  it("stays if an operator disables it", async () => {
    const { token } = await fleet.create({ ephemeralMs });
    await fleet.enrol(token, "worker-1");
    await agents.disable({ organizationId, agentId: "worker-1" });
    now += 10 * ephemeralMs;
    expect(outcome(await fleet.enrol(token, "worker-1"))).toBe("name_in_use");
  });

  it("is not returned to another agent if the enrolment is used up", async () => {
    const { token } = await fleet.create({ ephemeralMs, uses: 1 });
    const key = anyKey();
    await fleet.enrol(token, "worker-1", key);
    now += 2 * ephemeralMs;
    expect(outcome(await fleet.enrol(token, "worker-1", key))).toBe("enrolment_used_up");
    expect(await rowOf("worker-1")).toBeUndefined();
  });
});
