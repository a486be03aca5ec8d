/** Agents that register themselves by an IAM role, over real sockets, with a stand-in for STS that verifies what they sign. */

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type AwsIdentity, HeartbeatAgent, HttpHeartbeatClient } from "@agent-heartbeat/sdk";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { stsIn } from "../../core/aws-proof";
import { type LocalService, startLocalService } from "../../local/app/service";
import { sharedAssembly, type Target, targetOf } from "../../testing/e2e/target";
import { until } from "../../testing/e2e/until";
import { fakeSts } from "../../testing/fake-sts";

const assemblyDirectory = sharedAssembly();

(assemblyDirectory ? describe : describe.skip)("an agent with an IAM role", () => {
  const organizationId = "acme";
  const sts = fakeSts();
  const credentials = sts.credentialsOf("arn:aws:sts::123456789012:assumed-role/worker/i-1");
  let server: Server;
  let runtime: LocalService;
  let target: Target;
  beforeAll(async () => {
    server = createServer(async ({ url = "", headers }, response) => {
      const { search, searchParams } = new URL(url, "http://localhost");
      const [, , region = ""] = searchParams.get("X-Amz-Credential")?.split("/") ?? [];
      const answer = await sts.fetch(`https://${stsIn(region)?.host}/${search}`, {
        headers: headers as Record<string, string>,
      });
      response.writeHead(answer.status).end(await answer.text());
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    runtime = await startLocalService({
      assemblyDirectory: String(assemblyDirectory),
      schedules: false,
      stsEndpoint: `http://127.0.0.1:${port}`,
      onProblem: (problem) => console.error(problem),
    });
    target = targetOf(runtime.outputs);
  });
  afterAll(async () => {
    target?.close();
    await runtime?.stop();
    await new Promise((resolve) => server.close(resolve));
  });

  async function agentWith(awsIdentity: AwsIdentity) {
    const { token, enrolment } = await target.enrolments.create({
      organizationId,
      agents: "worker-{session}",
      roleArns: ["arn:aws:iam::123456789012:role/fleet/worker"],
      uses: 1,
      expiresAt: Date.now() + 3_600_000,
    });
    const agent = new HeartbeatAgent({
      agentId: "worker-i-1",
      organizationId,
      url: target.url,
      httpUrl: target.http.url,
      enrolmentToken: token,
      awsIdentity,
      logger: null,
      signals: [],
    });
    return { agent, enrolment };
  }

  it("whose role is another is refused", async () => {
    const other = sts.credentialsOf("arn:aws:sts::123456789012:assumed-role/other/i-1");
    const { agent } = await agentWith({ credentials: other, region: "eu-west-1" });
    const refusal = new Promise<string>((resolve) => {
      agent.once("attemptFailed", ({ failure }) => resolve(failure.message));
    });
    agent.start().catch(() => undefined);
    expect(await refusal).toContain("refused with status 401: The token is not accepted");
    await agent.stop();
  });

  it("registers itself without a secret, and is online", async () => {
    const { agent, enrolment } = await agentWith({
      credentials: async () => credentials,
      region: "eu-west-1",
    });
    await agent.start();
    const { agentId } = agent;
    await until(
      async () => (await target.statuses.getAgent(organizationId, agentId))?.status === "online",
    );
    const { enrolmentId } = enrolment;
    expect(await target.registry.get({ organizationId, agentId })).toMatchObject({ enrolmentId });
    await agent.stop();
  });
});

(assemblyDirectory ? describe : describe.skip)("an agent on a machine without AWS", () => {
  const organizationId = "acme";
  let runtime: LocalService;
  let target: Target;
  beforeAll(async () => {
    runtime = await startLocalService({
      assemblyDirectory: String(assemblyDirectory),
      schedules: false,
      onProblem: (problem) => console.error(problem),
    });
    target = targetOf(runtime.outputs);
  });
  afterAll(async () => {
    target?.close();
    await runtime?.stop();
  });

  async function clientOf(sessionToken: string) {
    const { token } = await target.enrolments.create({
      organizationId,
      agents: "worker-{session}",
      roleArns: ["arn:aws:iam::123456789012:role/worker"],
      uses: 1,
      expiresAt: Date.now() + 3_600_000,
    });
    return new HttpHeartbeatClient({
      agentId: "worker-i-1",
      organizationId,
      httpUrl: target.http.url,
      enrolmentToken: token,
      awsIdentity: {
        credentials: { accessKeyId: "ASIALOCALASIALOCAL", secretAccessKey: "any", sessionToken },
        region: "eu-west-1",
      },
    });
  }

  it("is at the local service whom its session token names, if that is a role", async () => {
    for (const other of ["token", "arn:aws:iam::123456789012:user/worker"]) {
      const client = await clientOf(other);
      await expect(client.sendHeartbeat()).rejects.toMatchObject({ reason: "unauthorized" });
    }
    const other = await clientOf("arn:aws:sts::123456789012:assumed-role/other/i-1");
    await expect(other.sendHeartbeat()).rejects.toMatchObject({ reason: "unauthorized" });
    const client = await clientOf("arn:aws:sts::123456789012:assumed-role/worker/i-1");
    expect(await client.sendHeartbeat()).toMatchObject({ type: "heartbeat_ack" });
  });
});
