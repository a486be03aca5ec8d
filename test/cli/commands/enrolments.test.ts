import { AgentRegistry, type Enrolment } from "@agent-heartbeat/sdk/registry";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { localFolder, run } from "../../../testing/cli/run";
import { type Engine, startEngine } from "../../../testing/engine";
import { enrolmentsOf } from "../../../testing/enrolments";

const DAY = 24 * 3_600_000;
const ROLE = "arn:aws:iam::123456789012:role/worker";
const TERMS = ["--agents", "worker-*", "--uses", "2000", "--expires", "30d"];

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

/** The commands bound to a folder and an organization of its own. */
async function workplace(organizationId: string) {
  const cwd = await localFolder(engine);
  const base = ["--local", "--organization", organizationId];
  const enrolments = (name: string, ...args: string[]) =>
    run(["enrolments", name, ...base, ...args], { cwd });
  const agents = (name: string, ...args: string[]) =>
    run(["agents", name, ...base, ...args], { cwd });
  const create = async (...args: string[]): Promise<Enrolment & { token: string }> =>
    JSON.parse((await enrolments("create", ...TERMS, "--json", ...args)).stdout);
  const fleet = enrolmentsOf(engine, organizationId, Date.now);
  return { enrolments, agents, create, fleet };
}

describe("enrolments create", () => {
  it("prints the token, with what it allows", async () => {
    const { enrolments } = await workplace("create-text");
    const { code, stdout } = await enrolments("create", ...TERMS, "--ephemeral", "1h");
    expect(code).toBe(0);
    expect(stdout).toMatch(/token +ahe_\S+\n/);
    expect(stdout).toMatch(/agents +worker-\*\n/);
    expect(stdout).toMatch(/uses +0 of 2000\n/);
    expect(stdout).toMatch(/ephemeral +1 h 0 min after an agent was last seen\n/);
    expect(stdout).toContain("AGENT_HEARTBEAT_ENROLMENT_TOKEN");
  });

  it("prints token and enrolmentId as JSON", async () => {
    const { create } = await workplace("create-json");
    const before = Date.now();
    const { token, ...enrolment } = await create("--ephemeral", "90s", "--role", "agent");
    expect(token).toMatch(/^ahe_/);
    expect(enrolment).toMatchObject({
      enrolmentId: expect.stringMatching(/^[0-9a-f]{16}$/),
      agents: "worker-*",
      role: "agent",
      uses: 2000,
      used: 0,
      ephemeralMs: 90_000,
    });
    expect(enrolment.expiresAt).toBeGreaterThanOrEqual(before + 30 * DAY);
    expect(JSON.stringify(enrolment)).not.toContain("ecret");
  });

  it("prints the token of an enrolment for IAM roles, and says that it is not secret", async () => {
    const { enrolments, create } = await workplace("create-roles");
    const { stdout } = await enrolments("create", ...TERMS, "--role-arn", ROLE);
    expect(stdout).toMatch(/IAM role +arn:aws:iam::123456789012:role\/worker\n/);
    expect(stdout).toMatch(/token +ahe_[\w-]+\.[0-9a-f]{16}\n/);
    expect(stdout).toContain("The token is not secret");
    const two = await create("--role-arn", ROLE, "--role-arn", `${ROLE}-2`);
    expect(two).toMatchObject({ roleArns: [ROLE, `${ROLE}-2`] });
    const list = await enrolments("list");
    expect(list.stdout).toMatch(/ {2}arn:aws:iam::123456789012:role\/worker {2}/);
    expect(list.stdout).toContain("+1");
  });

  it.each([
    [["--role-arn", "worker"], "roleArns: expected the ARN of an IAM role"],
    [["--role-arn", `${ROLE}*`], "without wildcards"],
    [["--agents", "worker-{session}"], "agents: expected an agent id"],
    [["--agents", "a b"], "agents: expected an agent id"],
    [["--uses", "0"], "Expected a whole number, at least 1."],
    [["--uses", "1e3"], "Expected a whole number, at least 1."],
    [["--uses", "99999999999"], "uses: expected a whole number from 1 to 1000000000"],
    [["--expires", "soon"], "Expected a duration, such as 20s, 5m, 1h or 30d."],
    [["--expires", "0"], "expiresAt: expected epoch milliseconds after now"],
    [["--ephemeral", "1s"], "ephemeralMs: expected a whole number from 10000"],
    [["--ephemeral", "1h", "--role", "viewer"], "expected the role agent, got viewer"],
    [["--role", "admin"], "admin"],
  ])("refuses %j", async (args, message) => {
    const { enrolments, fleet } = await workplace("create-wrong");
    const { code, stdout, stderr } = await enrolments("create", ...TERMS, ...args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(await fleet.registry.list("create-wrong")).toEqual([]);
  });

  it.each(["--agents", "--uses", "--expires"])("needs %s", async (option) => {
    const { enrolments } = await workplace("create-less");
    const at = TERMS.indexOf(option);
    const { code, stderr } = await enrolments(
      "create",
      ...TERMS.filter((_, index) => index !== at && index !== at + 1),
    );
    expect(code).toBe(2);
    expect(stderr).toContain(option);
  });
});

describe("enrolments list", () => {
  it("shows uses and state, and no token", async () => {
    const { enrolments, create, fleet } = await workplace("list");
    const { token, enrolmentId } = await create("--uses", "1", "--description", "spring");
    await fleet.enrol(token, "worker-1");
    const open = await create();
    await enrolments("revoke", (await create()).enrolmentId);
    const { code, stdout } = await enrolments("list");
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`${enrolmentId} .*1 of 1 .*used up .*spring`));
    expect(stdout).toMatch(
      new RegExp(`${open.enrolmentId} .*0 of 2000 .*open, ends in (29|30) days`),
    );
    expect(stdout).toContain("revoked");
    const json = await enrolments("list", "--json");
    expect(JSON.parse(json.stdout)).toHaveLength(3);
    for (const text of [stdout, json.stdout]) expect(text).not.toMatch(/ahe_|ecret/);
  });

  it("says so if there are none", async () => {
    const { enrolments } = await workplace("list-empty");
    const { stdout } = await enrolments("list");
    expect(stdout).toBe("Organization list-empty has no enrolments.\n");
  });
});

describe("enrolments revoke", () => {
  it("does not lock out agents unless --and-agents is given", async () => {
    const { enrolments, agents, create, fleet } = await workplace("revoke");
    const { token, enrolmentId } = await create();
    for (const agentId of ["worker-1", "worker-2"]) await fleet.enrol(token, agentId);
    const other = await create();
    await fleet.enrol(other.token, "worker-3");
    const enabled = async () => {
      const { stdout } = await agents("list", "--json");
      return JSON.parse(stdout).map((agent: { enabled: boolean }) => agent.enabled);
    };
    const first = await enrolments("revoke", enrolmentId);
    expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining("--and-agents") });
    expect(await fleet.enrol(token, "worker-4")).toMatchObject({ refused: "enrolment_revoked" });
    expect(await enabled()).toEqual([true, true, true]);
    const second = await enrolments("revoke", enrolmentId, "--and-agents", "--json");
    expect(JSON.parse(second.stdout)).toMatchObject({
      enrolmentId,
      revokedAt: expect.any(Number),
      disabledAgents: ["worker-1", "worker-2"],
    });
    expect(await enabled()).toEqual([false, false, true]);
  });

  it.each([
    ["0123456789abcdef", 3, "expected one of organization revoke-unknown, got no such enrolment"],
    ["worker-1", 2, "enrolmentId: expected 16 hexadecimal digits"],
  ])("refuses %s", async (id, expected, message) => {
    const { enrolments } = await workplace("revoke-unknown");
    const { code, stderr } = await enrolments("revoke", id);
    expect(code).toBe(expected);
    expect(stderr).toContain(message);
  });
});

describe("agents list", () => {
  it("shows the enrolment by which an agent was registered", async () => {
    const { agents, create, fleet } = await workplace("agents");
    const { token, enrolmentId } = await create("--ephemeral", "1h");
    await fleet.enrol(token, "worker-1");
    const { client, registryTableName, statusTableName } = engine;
    const registry = new AgentRegistry({ client, registryTableName, statusTableName });
    const [found] = (await registry.list({ organizationId: "agents" })).agents;
    expect(found).toMatchObject({ enrolmentId });
    expect((await agents("list")).stdout).toMatch(new RegExp(`worker-1 .*${enrolmentId}`));
    const { stdout } = await agents("get", "--agent", "worker-1");
    expect(stdout).toContain(enrolmentId);
    expect(stdout).toMatch(/ephemeral +1 h 0 min after it was last seen/);
  });
});
