import {
  AgentExistsError,
  AgentRegistry,
  EnrolmentRegistry,
  type EnrolmentTerms,
  InvalidArgumentError,
  UnknownEnrolmentError,
} from "@agent-heartbeat/sdk/registry";
import { rowFromItem } from "@agent-heartbeat/sdk/status";
import { GetItemCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Engine, startEngine } from "../../../testing/engine";
import { anyKey, enrolmentsOf } from "../../../testing/enrolments";
import { repeating } from "../../../testing/repeating-client";
import { offlineRow, putRows } from "../../../testing/status-rows";

const HOUR = 3_600_000;
const ROLE = "arn:aws:iam::123456789012:role/worker";

let engine: Engine;
let registry: EnrolmentRegistry;
let agents: AgentRegistry;
beforeAll(async () => {
  engine = await startEngine();
  const { client, registryTableName, statusTableName } = engine;
  registry = new EnrolmentRegistry({ client, registryTableName, statusTableName });
  agents = new AgentRegistry({ client, registryTableName, statusTableName });
});
afterAll(() => engine.stop());

const terms = (organizationId: string, overrides: Partial<EnrolmentTerms> = {}) => ({
  organizationId,
  agents: "worker-*",
  uses: 5,
  expiresAt: Date.now() + HOUR,
  ...overrides,
});

describe("an enrolment", () => {
  it("is stored without its token", async () => {
    const { enrolment, token } = await registry.create(
      terms("stored", { role: "viewer", description: "spring fleet" }),
    );
    expect(await registry.get(enrolment)).toEqual(enrolment);
    expect(enrolment).toMatchObject({
      agents: "worker-*",
      role: "viewer",
      uses: 5,
      used: 0,
      description: "spring fleet",
    });
    expect(enrolment).not.toHaveProperty("secretHash");
    const { Items } = await engine.client.send(
      new ScanCommand({ TableName: engine.registryTableName }),
    );
    expect(JSON.stringify(Items)).not.toContain(token.split(".")[2]);
  });

  it("names roles in place of a secret", async () => {
    const roleArns = [ROLE, "arn:aws-us-gov:iam::123456789012:role/a/b/worker", ROLE];
    const { enrolment, token } = await registry.create(
      terms("roles", { roleArns, agents: "worker-{session}-*" }),
    );
    expect(token).toMatch(/^ahe_[\w-]+\.[0-9a-f]{16}$/);
    expect(enrolment).toMatchObject({
      roleArns: roleArns.slice(0, 2),
      agents: "worker-{session}-*",
    });
    expect(await registry.list("roles")).toEqual([enrolment]);
  });

  it("is listed in its organization, the oldest first, and not among the agents", async () => {
    const ids: string[] = [];
    for (const uses of [1, 2, 3]) {
      const { enrolment } = await registry.create(terms("listed", { uses }));
      ids.push(enrolment.enrolmentId);
    }
    await registry.create(terms("other"));
    const listed = await registry.list("listed");
    expect(listed.map(({ createdAt }) => createdAt)).toEqual(
      listed.map(({ createdAt }) => createdAt).sort(),
    );
    expect(listed.map(({ enrolmentId }) => enrolmentId).sort()).toEqual(ids.sort());
    expect(await agents.list({ organizationId: "listed" })).toEqual({ agents: [], cursor: null });
  });

  it("is revoked once, however often it is asked", async () => {
    const { enrolment } = await registry.create(terms("revoked"));
    const { revokedAt } = await registry.revoke(enrolment);
    expect(revokedAt).toBeGreaterThanOrEqual(enrolment.createdAt);
    expect((await registry.revoke(enrolment)).revokedAt).toBe(revokedAt);
    expect((await registry.get(enrolment))?.revokedAt).toBe(revokedAt);
  });

  it("is revoked though the answer is lost", async () => {
    const { client, registryTableName, statusTableName } = engine;
    const lossy = new EnrolmentRegistry({
      client: repeating(client),
      registryTableName,
      statusTableName,
    });
    const { enrolment } = await lossy.create(terms("lossy"));
    expect((await lossy.revoke(enrolment)).revokedAt).toBeDefined();
  });

  it.each([
    ["another's", "someone-else", undefined],
    ["one that is not there", undefined, "0123456789abcdef"],
  ])("that is %s can't be revoked", async (_, organizationId, enrolmentId) => {
    const { enrolment } = await registry.create(terms("kept"));
    const name = {
      organizationId: organizationId ?? enrolment.organizationId,
      enrolmentId: enrolmentId ?? enrolment.enrolmentId,
    };
    await expect(registry.revoke(name)).rejects.toThrow(UnknownEnrolmentError);
    expect((await registry.get(enrolment))?.revokedAt).toBeUndefined();
  });

  it.each([
    [{ agents: "" }, "agents: expected an agent id, in which * stands for any characters"],
    [{ agents: "a b" }, "agents: expected an agent id"],
    [{ agents: undefined as never }, "agents: expected an agent id"],
    [{ agents: "worker-{session}" }, "agents: expected an agent id"],
    [{ agents: "{session}", roleArns: ["worker"] }, "roleArns: expected the ARN of an IAM role"],
    [{ agents: "{other}", roleArns: [ROLE] }, "and {session} for a session, got"],
    [
      { roleArns: ["arn:aws-cn:sts::123456789012:assumed-role/worker/i-1"] },
      "the role of that session is arn:aws-cn:iam::123456789012:role/worker",
    ],
    [{ roleArns: [ROLE.replace("role/", "role/*")] }, "without wildcards, got"],
    [{ roleArns: [ROLE.replace("role/", "role/team-*/")] }, "without wildcards, got"],
    [{ roleArns: [ROLE.replace("role/", "role/?/")] }, "without wildcards, got"],
    [{ roleArns: [ROLE.replace("role/", "user/")] }, "the ARN of an IAM role"],
    [{ roleArns: ["arn:aws:iam::123456789012:root"] }, "the ARN of an IAM role"],
    [{ roleArns: [] }, "roleArns: expected 1 to 20 ARNs, got 0"],
    [{ roleArns: Array(21).fill(ROLE) }, "roleArns: expected 1 to 20 ARNs, got 21"],
    [{ roleArns: ROLE as never }, "roleArns: expected 1 to 20 ARNs"],
    [{ roleArns: [5 as never] }, "roleArns: expected the ARN of an IAM role"],
    [{ uses: 0 }, "uses: expected a whole number from 1 to 1000000000, got 0"],
    [{ uses: 1.5 }, "uses: expected a whole number"],
    [{ uses: Number.NaN }, "uses: expected a whole number"],
    [{ uses: "5" as never }, "uses: expected a whole number"],
    [{ expiresAt: 1 }, "expiresAt: expected epoch milliseconds after now"],
    [{ expiresAt: undefined as never }, "expiresAt: expected epoch milliseconds after now"],
    [{ expiresAt: Number.NaN }, "expiresAt: expected epoch milliseconds after now"],
    [{ ephemeralMs: 9999 }, "ephemeralMs: expected a whole number from 10000"],
    [{ ephemeralMs: 60_000, role: "viewer" as const }, "expected the role agent, got viewer"],
    [{ role: "admin" as never }, "role: expected agent, viewer, publisher"],
    [{ description: "x".repeat(257) }, "description: expected at most 256 characters"],
    [{ organizationId: "a b" }, "organizationId: expected"],
    [{ use: 3 } as never, "did you mean uses?"],
  ])("can't be made with %p", async (overrides, message) => {
    const create = () => registry.create(terms("absurd", overrides));
    await expect(create()).rejects.toThrow(InvalidArgumentError);
    await expect(create()).rejects.toThrow(message);
    expect(await registry.list("absurd")).toEqual([]);
  });

  it.each(["", "x", "0123456789ABCDEF", undefined, null, {}])(
    "can't have the id %j",
    async (enrolmentId) => {
      const name = { organizationId: "acme", enrolmentId: enrolmentId as string };
      await expect(registry.get(name)).rejects.toThrow(InvalidArgumentError);
      await expect(registry.revoke(name)).rejects.toThrow(InvalidArgumentError);
    },
  );

  it("lists the agents that were registered with it", async () => {
    const fleet = enrolmentsOf(engine, "who", Date.now);
    const [first, second] = [await fleet.create(), await fleet.create()];
    await fleet.enrol(first.token, "worker-1");
    await fleet.enrol(second.token, "worker-2");
    await fleet.enrol(first.token, "worker-3");
    await agents.register({ organizationId: "who", agentId: "w", publicKey: anyKey().jwk });
    const found: string[] = [];
    for await (const { agentId } of registry.agents(first.enrolment)) found.push(agentId);
    expect(found).toEqual(["worker-1", "worker-3"]);
  });
});

describe("an ephemeral registration", () => {
  const publicKey = anyKey().jwk;

  /** Registered two hours ago, to vanish after one, with a status row. */
  async function vanished(organizationId: string, leftAgoMs: number) {
    const fleet = enrolmentsOf(engine, organizationId, () => Date.now() - 2 * HOUR);
    const { token } = await fleet.create({ ephemeralMs: HOUR });
    await fleet.enrol(token, "worker-1");
    const row = offlineRow(Date.now() - leftAgoMs, { organizationId, agentId: "worker-1" });
    await putRows(engine.client, engine.statusTableName, [row]);
    return { organizationId, agentId: "worker-1" };
  }

  it("is neither shown nor listed once it has vanished", async () => {
    const name = await vanished("gone", HOUR);
    expect(await agents.get(name)).toBeUndefined();
    expect(await agents.list({ organizationId: "gone" })).toEqual({ agents: [], cursor: null });
  });

  it("is shown and listed until then", async () => {
    const name = await vanished("here", HOUR - 60_000);
    expect(await agents.get(name)).toMatchObject({ ephemeralMs: HOUR });
    expect((await agents.list({ organizationId: "here" })).agents).toHaveLength(1);
  });

  it("makes room for another registration once it has vanished", async () => {
    const name = await vanished("room", HOUR);
    const agent = await agents.register({ ...name, publicKey });
    expect(agent.ephemeralMs).toBeUndefined();
    expect(await agents.get(name)).toEqual(agent);
    const { Item = {} } = await engine.client.send(
      new GetItemCommand({ TableName: engine.statusTableName, Key: marshall(name) }),
    );
    expect(rowFromItem(Item).fencingToken).toBeLessThan(agent.createdAt);
    expect(rowFromItem(Item).instanceId).toBeUndefined();
  });

  it("makes no room before that", async () => {
    const name = await vanished("no-room", HOUR - 60_000);
    await expect(agents.register({ ...name, publicKey })).rejects.toThrow(AgentExistsError);
  });

  it("stays for good once it is disabled, also if the answer is lost", async () => {
    const name = await vanished("disabled", HOUR - 60_000);
    const { client, registryTableName, statusTableName } = engine;
    const tables = { registryTableName, statusTableName };
    await new AgentRegistry({ client: repeating(client), ...tables }).disable(name);
    const { Item = {} } = await client.send(
      new GetItemCommand({
        TableName: registryTableName,
        Key: marshall({ organizationId: "disabled", recordId: "agent#worker-1" }),
      }),
    );
    expect(Item).not.toHaveProperty("ttlEpochSeconds");
    expect(Item).not.toHaveProperty("ephemeralMs");
    expect(await agents.get(name)).toMatchObject({ enabled: false });
  });

  it("is listed in order among hundreds", async () => {
    const fleet = enrolmentsOf(engine, "many", Date.now);
    const { token } = await fleet.create({ ephemeralMs: HOUR, uses: 250 });
    for (let index = 0; index < 250; index++) await fleet.enrol(token, `worker-${1000 + index}`);
    const found: string[] = [];
    for await (const { agentId } of agents.all("many")) found.push(agentId);
    expect(found).toEqual(Array.from({ length: 250 }, (_, index) => `worker-${1000 + index}`));
  });
});
