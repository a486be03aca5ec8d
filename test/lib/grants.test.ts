/** Compares each grant with all calls of its SDK class on a real engine. */

import { publicKeyOf } from "@agent-heartbeat/sdk";
import { AgentRegistry, EnrolmentRegistry } from "@agent-heartbeat/sdk/registry";
import { StatusReader } from "@agent-heartbeat/sdk/status";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Template } from "aws-cdk-lib/assertions";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { AgentHeartbeat } from "../../lib/agent-heartbeat";
import { type Engine, startEngine } from "../../testing/engine";
import { enrolmentsOf } from "../../testing/enrolments";
import { newP256Key, TEST_KEY } from "../../testing/keys";
import { emptyStack, presenceIn, statementsOf } from "../../testing/stacks";

const SKILLED = { organizationId: "acme", capability: "summarize" };
const NAME = { organizationId: "acme", agentId: "worker-1" };

/** The permissions of a role after a grant, as "action table". */
function allowedBy(grant: (presence: AgentHeartbeat, role: Role) => void): string[] {
  const stack = emptyStack();
  const role = new Role(stack, "Backend", {
    assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
  });
  grant(presenceIn(stack), role);
  return statementsOf(Template.fromStack(stack), "Backend")
    .flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) =>
        [Resource].flat().map((resource) => {
          const [, table = JSON.stringify(resource)] =
            /(AgentStatus|AgentRegistry|Subscriptions)/.exec(JSON.stringify(resource)) ?? [];
          return `${action} ${table}`;
        }),
      ),
    )
    .sort();
}

describe("the grants", () => {
  let engine: Engine;
  let calls: Set<string>;
  beforeAll(async () => {
    engine = await startEngine();
    engine.client.middlewareStack.add(
      (next, { commandName }) =>
        (request) => {
          const input = request.input as { TableName?: string; RequestItems?: object };
          const [TableName = input.TableName] = Object.keys(input.RequestItems ?? {});
          calls?.add(`dynamodb:${commandName?.replace(/Command$/, "")} ${TableName}`);
          return next(request);
        },
      { step: "initialize" },
    );
  });
  afterAll(() => engine.stop());

  it("to register allow every call of AgentRegistry and EnrolmentRegistry, and no more", async () => {
    const { client, statusTableName, registryTableName } = engine;
    const { create, enrol } = enrolmentsOf(engine, "acme", Date.now);
    const { token, enrolment } = await create({ ephemeralMs: 3_600_000 });
    await enrol(token, "worker-2");
    calls = new Set();
    const tables = { client, statusTableName, registryTableName };
    const enrolments = new EnrolmentRegistry(tables);
    await enrolments.get(enrolment);
    await enrolments.list("acme");
    for await (const { agentId } of enrolments.agents(enrolment)) expect(agentId).toBe("worker-2");
    await enrolments.revoke(enrolment);
    const registry = new AgentRegistry(tables);
    await registry.register({ ...NAME, publicKey: TEST_KEY });
    await registry.get(NAME);
    await registry.list({ organizationId: "acme" });
    await registry.addKey({ ...NAME, publicKey: newP256Key() });
    await registry.removeKey({ ...NAME, keyId: (await publicKeyOf(TEST_KEY)).keyId });
    await registry.disable(NAME);
    await registry.enable(NAME);
    await registry.remove(NAME);
    expect(allowedBy((presence, role) => presence.grantRegister(role))).toEqual([...calls].sort());
  });

  it("to read allow every call of StatusReader, and no more", async () => {
    calls = new Set();
    const { client, statusTableName: tableName, registryTableName } = engine;
    const reader = new StatusReader({ client, tableName, registryTableName });
    await reader.listAgents({ organizationId: "acme", profiles: true });
    await reader.getAgent("acme", "worker-1");
    await reader.countByStatus("acme");
    await reader.history("acme", "worker-1");
    await reader.transitions("acme");
    for await (const _ of reader.agentsWithCapability(SKILLED)) break;
    const allowed = allowedBy((presence, role) => presence.grantReadStatus(role));
    expect([...calls].filter((call) => !allowed.includes(call))).toEqual([]);
    expect(allowed).toEqual([
      "dynamodb:BatchGetItem AgentRegistry",
      "dynamodb:GetItem AgentRegistry",
      "dynamodb:GetItem AgentStatus",
      "dynamodb:Query AgentRegistry",
      "dynamodb:Query AgentStatus",
    ]);
  });

  it("to publish allow messages, but no transitions", () => {
    const stack = emptyStack();
    const role = new Role(stack, "Backend", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
    });
    presenceIn(stack).grantPublish(role);
    expect(statementsOf(Template.fromStack(stack), "Backend")).toEqual([
      {
        Action: "events:PutEvents",
        Effect: "Allow",
        Resource: { "Fn::GetAtt": [expect.stringMatching(/^PresenceEvents/), "Arn"] },
        Condition: { StringEquals: { "events:detail-type": "Agent Message" } },
      },
    ]);
  });
});
