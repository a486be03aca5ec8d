/** Agents that register themselves, over real sockets. */

import { randomUUID } from "node:crypto";
import { HeartbeatAgent, type NodeAgentOptions } from "@agent-heartbeat/sdk";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { openTarget, type Target } from "../../testing/e2e/target";
import { until } from "../../testing/e2e/until";

describe("an agent with an enrolment's token", () => {
  const organizationId = `e2e-${randomUUID()}`;
  let target: Target;
  const agents: HeartbeatAgent[] = [];
  beforeAll(() => {
    target = openTarget();
  });
  afterEach(() => Promise.all(agents.splice(0).map((agent) => agent.stop())));
  afterAll(() => target.close());

  const create = (terms: { uses?: number; ephemeralMs?: number } = {}) =>
    target.enrolments.create({
      organizationId,
      agents: "worker-*",
      uses: 10,
      expiresAt: Date.now() + 3_600_000,
      ...terms,
    });
  function agentWith(enrolmentToken: string, options: Partial<NodeAgentOptions> = {}) {
    const agent = new HeartbeatAgent({
      agentId: `worker-${randomUUID()}`,
      organizationId,
      url: target.url,
      httpUrl: target.http.url,
      enrolmentToken,
      logger: null,
      signals: [],
      ...options,
    });
    agents.push(agent);
    return agent;
  }
  /** What an agent's first attempt fails with. */
  const refusalOf = (agent: HeartbeatAgent) =>
    new Promise<string>((resolve) => {
      agent.once("attemptFailed", ({ failure }) => resolve(failure.message));
      agent.start().catch(() => undefined);
    });
  const isOnline = async ({ agentId }: HeartbeatAgent) =>
    (await target.statuses.getAgent(organizationId, agentId))?.status === "online";

  it("registers itself and is online", async () => {
    const { token, enrolment } = await create({ uses: 1 });
    const agent = agentWith(token);
    await agent.start();
    await until(() => isOnline(agent));
    expect(await target.registry.get({ organizationId, agentId: agent.agentId })).toMatchObject({
      enrolmentId: enrolment.enrolmentId,
    });
    expect(await refusalOf(agentWith(token))).toContain("The enrolment is used up");
  });

  it("is refused a name that another one has", async () => {
    const { token } = await create();
    const first = agentWith(token);
    await first.start();
    const second = agentWith(token, { agentId: first.agentId });
    expect(await refusalOf(second)).toContain("registered with another key");
    expect(await isOnline(first)).toBe(true);
  });

  it("registers itself again if its ephemeral registration has vanished", async () => {
    const { token, enrolment } = await create({ ephemeralMs: 60_000 });
    const agent = agentWith(token, { reconnect: { baseDelay: 0.1 } });
    await agent.start();
    // As if it had been away until its registration vanished.
    await target.registry.remove({ organizationId, agentId: agent.agentId });
    await until(async () => (await target.enrolments.get(enrolment))?.used === 2);
    await until(() => isOnline(agent));
  });

  it("is locked out with its enrolment", async () => {
    const { token, enrolment } = await create();
    const agent = agentWith(token);
    await agent.start();
    await target.enrolments.revoke(enrolment);
    for await (const { agentId } of target.enrolments.agents(enrolment)) {
      await target.registry.disable({ organizationId, agentId });
    }
    await until(async () => !(await isOnline(agent)));
    expect(await refusalOf(agentWith(token))).toContain("The enrolment is revoked");
  });
});
