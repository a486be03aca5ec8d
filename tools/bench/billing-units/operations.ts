/** The operations whose billing units are counted, on a service with a realistic fleet. */

import { generateKeyPairSync } from "node:crypto";
import { AgentRegistry, EnrolmentRegistry } from "@agent-heartbeat/sdk/registry";
import { DeleteItemCommand } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { audienceOf } from "../../../core/login-claims";
import type { Identity } from "../../../lambda/shared/identity";
import type { RouteResult } from "../../../lambda/shared/message-route";
import type { Engine } from "../../../testing/engine";
import { httpEvent } from "../../../testing/http";
import { loginClaims, putAgent, signToken, testKey } from "../../../testing/login";
import { holder, routeEvent, storedRow } from "../../../testing/presence";
import type { Meter, Units } from "./meter";
import type { Service } from "./service";

export const NOW = 1_790_000_000_000;

const URL = "wss://abc123.execute-api.eu-west-1.amazonaws.com/prod";
const HTTP_URL = "https://abc123.lambda-url.eu-west-1.on.aws";
const ORGANIZATION = { organizationId: "acme" };

/** Names of realistic length. */
const AGENT = "production-agent-001";
const CONNECTION = "L0SM9cOFvHcCIhw=";
const SECOND = "M1SM9cOFvHcCIhw=";
const THIRD = "N2SM9cOFvHcCIhw=";

export interface Measured {
  operation: string;
  units: Units;
}

/** Counts each operation once: the counts are exact. */
export async function measure(engine: Engine, service: Service, meter: Meter): Promise<Measured[]> {
  const results: Measured[] = [];
  const key = await testKey("ES256");
  await putAgent(engine.client, engine.registryTableName, [key], { agentId: AGENT });
  let serial = 0;

  const record = async (operation: string, work: () => Promise<void>) => {
    meter.take();
    await work();
    results.push({ operation, units: meter.take() });
  };
  const call = async (
    handler: (event: ReturnType<typeof routeEvent>) => Promise<RouteResult>,
    body: object | undefined,
    at = NOW,
    connectionId = CONNECTION,
    agentId = AGENT,
    login: Partial<Identity> = {},
    disconnectReason = "",
  ) => {
    const context = { connectionId, connectedAt: at, requestTimeEpoch: at, disconnectReason };
    const owner = { ...ORGANIZATION, agentId, ...login };
    const result = await handler(routeEvent(context, body, owner));
    meter.add({
      invocations: 1,
      messagesIn: body ? 1 : 0,
      messagesOut: result.body === undefined ? 0 : 1,
    });
    return result;
  };
  const connect = async (connectionId: string, at = NOW, rotation = false) => {
    const claims = loginClaims(audienceOf(URL), NOW, { iss: AGENT, sub: AGENT });
    const token = await signToken(key, claims);
    await service.authorize({
      methodArn: "arn",
      headers: { "Sec-WebSocket-Protocol": `agent-heartbeat.v1, ${token}` },
      requestContext: {
        domainName: new globalThis.URL(URL).host,
        stage: "prod",
        requestTimeEpoch: NOW,
      },
    });
    meter.add({ invocations: 1 });
    await call(service.connect, undefined, at, connectionId, AGENT, { rotation });
  };
  const activity = {
    state: "working",
    task: "tasks.process",
    startedAt: NOW,
    progressAt: NOW,
    inFlight: 1,
  };

  // Each authorizer process reads the fleet's reconnect settings once a minute.
  await record("connect, first in a minute", () => connect(CONNECTION));
  await record("connect", () => connect(CONNECTION));
  await record("heartbeat", async () => {
    await call(service.heartbeat, { type: "heartbeat", activity }, NOW + 30_000);
  });
  await record("heartbeat without ack", async () => {
    await call(service.heartbeat, { type: "heartbeat_quiet", activity }, NOW + 60_000);
  });
  await record("rotation", async () => {
    // A second connection, its first heartbeat, and the end of the first one, which changes nothing.
    await connect(SECOND, NOW + 80_000, true);
    await call(service.heartbeat, { type: "heartbeat", activity }, NOW + 81_000, SECOND);
    await call(service.disconnect, undefined, NOW + 82_000, CONNECTION, AGENT, {}, "rotated");
  });
  await record("disconnect", async () => {
    await call(service.disconnect, undefined, NOW + 90_000, SECOND);
  });
  await record("reconnection", () => connect(CONNECTION, NOW + 91_000));
  const script = "production-agent-003";
  await putAgent(engine.client, engine.registryTableName, [key], { agentId: script });
  const request = async (method: string, at: number, body: object = { activity }) => {
    const claims = loginClaims(HTTP_URL, at, { iss: script, sub: script, iat: at / 1000 });
    const event = httpEvent({
      domainName: new globalThis.URL(HTTP_URL).host,
      now: at,
      method,
      token: await signToken(key, { ...claims, exp: at / 1000 + 60 }),
      body: JSON.stringify(body),
    });
    const { statusCode } = await service.http(event);
    if (statusCode >= 300) throw new Error(`${method} was answered with ${statusCode}`);
    meter.add({ invocations: 1 });
  };
  await record("first heartbeat over HTTP", () => request("POST", NOW));
  await record("heartbeat over HTTP", () => request("POST", NOW + 30_000));
  await record("end over HTTP", () => request("DELETE", NOW + 31_000));
  const { pingSecret } = await new AgentRegistry(engine).registerJob({
    ...ORGANIZATION,
    agentId: "production-backup-001",
    job: { everyMs: 3_600_000, graceMs: 600_000 },
  });
  const ping = async (signal: string, at: number) => {
    const domainName = new globalThis.URL(HTTP_URL).host;
    const path = `/ping/${pingSecret}${signal}`;
    const { statusCode } = await service.http(httpEvent({ domainName, now: at, path }));
    if (statusCode !== 200) throw new Error(`a ping was answered with ${statusCode}`);
    meter.add({ invocations: 1 });
  };
  await record("first ping of a job", () => ping("", NOW));
  await record("ping of a job", () => ping("/start", NOW + 3_500_000));
  await record("ping that reports a failure", () => ping("/1", NOW + 3_600_000));
  const other = "production-agent-002";
  await call(service.connect, undefined, NOW + 91_000, "N1SM9cOFvHcCIhw=", other);
  await record("connect of a new process", async () => {
    const newer = { instanceId: "process-b" };
    await call(service.connect, undefined, NOW + 95_000, "O1SM9cOFvHcCIhw=", other, newer);
  });
  const enrolments = new EnrolmentRegistry(engine);
  const { token: enrolmentToken } = await enrolments.create({
    ...ORGANIZATION,
    agents: "production-agent-*",
    uses: 2000,
    expiresAt: Date.now() + 30 * 24 * 3_600_000,
    ephemeralMs: 3_600_000,
  });
  const { publicKey } = generateKeyPairSync("ed25519");
  const pem = publicKey.export({ type: "spki", format: "pem" });
  for (const operation of ["enrolment", "enrolment, again"]) {
    await record(operation, async () => {
      const { statusCode } = await service.http(
        httpEvent({
          domainName: "abc123.lambda-url.eu-west-1.on.aws",
          now: NOW,
          path: "/enrol",
          token: enrolmentToken,
          body: JSON.stringify({ agentId: "production-agent-100", publicKey: pem }),
        }),
      );
      if (statusCode > 201) throw new Error(`an enrolment was answered with ${statusCode}`);
      meter.add({ invocations: 1 });
    });
  }
  await record("subscribe", async () => {
    await call(service.subscribe, { type: "subscribe", subject: "tasks.process" });
  });
  for (const subscribers of [1, 10, 100]) {
    const subject = `fan.out-${subscribers}`;
    for (let index = 0; index < subscribers; index++) {
      const agentId = `subscriber-${index}`;
      serial += 1;
      await service.leases.acquire(
        holder({ ...ORGANIZATION, agentId, connectionId: `S${serial}=`, leaseMs: 3_600_000 }),
        NOW + serial,
      );
      await call(service.subscribe, { type: "subscribe", subject }, NOW, `S${serial}=`, agentId);
    }
    await record(`publish to ${subscribers}`, async () => {
      await call(service.publish, { type: "publish", subject, data: { task: 1 } });
    });
  }
  for (const members of [10, 1000]) {
    const subject = `group.of-${members}`;
    for (let index = 0; index < members; index++) {
      const agentId = `member-${index}`;
      serial += 1;
      const connection = { ...ORGANIZATION, agentId, connectionId: `S${serial}=` };
      // The connection of the larger group is one more, so that those of the smaller one stay open.
      await service.leases.acquire(
        holder({ ...connection, leaseMs: 3_600_000, rotation: true }),
        NOW + serial,
      );
      const joined = { type: "subscribe", subject, group: "workers" };
      await call(service.subscribe, joined, NOW, `S${serial}=`, agentId);
    }
    await record(`publish to a group of ${members}`, async () => {
      await call(service.publish, { type: "publish", subject, data: { task: 1 } });
    });
  }
  const replyTo = `_inbox.${AGENT}.question`;
  await record("request to a group of 10", async () => {
    const request = { replyTo, expiresInMs: 10_000, attempt: 1, data: { task: 1 } };
    await call(service.publish, { type: "publish", subject: "group.of-10", ...request });
  });
  await record("answer to a request", async () => {
    await call(service.publish, { type: "publish", subject: replyTo, data: { result: 1 } });
  });
  for (const agents of [10, 1000]) {
    const capability = `capability-of-${agents}`;
    for (let index = 0; index < agents; index++) {
      const agentId = `member-${index}`;
      await service.capable.add(
        {
          ...ORGANIZATION,
          agentId,
          instanceId: "process-a",
          connectionId: `S${serial - 999 + index}=`,
        },
        [capability],
        NOW,
      );
    }
    await record(`publish to a capability of ${agents}`, async () => {
      await call(service.publish, { type: "publish", capability, data: { task: 1 } });
    });
  }
  await record("profile with 3 capabilities", async () => {
    const capabilities = ["summarize", "translate", "classify"];
    await call(service.profile, { type: "profile", capabilities, metadata: { version: "1.4.2" } });
  });
  await record("connect with 3 capabilities", () => connect(THIRD, NOW + 92_000, true));
  await record("disconnect with 3 capabilities", async () => {
    await call(service.disconnect, undefined, NOW + 93_000, THIRD);
  });
  // What follows depends on how many rows there are.
  const named = (name: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${name}-${index}`);
  for (const agentId of [other, ...named("subscriber", 100), ...named("member", 1000)]) {
    await engine.client.send(
      new DeleteItemCommand({
        TableName: engine.statusTableName,
        Key: marshall({ organizationId: ORGANIZATION.organizationId, agentId }),
      }),
    );
  }
  const fill = async (from: number, to: number) => {
    for (let index = from; index < to; index++) {
      const agentId = `fleet-agent-${String(index).padStart(5, "0")}`;
      const one = holder({ ...ORGANIZATION, agentId, connectionId: `F${index}cOFvHcCIhw=` });
      await service.leases.acquire(one, NOW);
      await service.leases.renew(one, NOW + 60_000, { state: "idle" });
    }
  };
  await fill(0, 100);
  await record("list of 100", async () => {
    await call(service.list, { type: "list" });
  });
  await record("sweep of 100, none expired", () => sweep());
  await fill(100, 1000);
  await record("sweep of 1000, none expired", () => sweep());
  for (let index = 0; index < 10; index++) {
    const agentId = `gone-agent-${index}`;
    await service.leases.acquire(
      holder({ ...ORGANIZATION, agentId, connectionId: `G${index}=` }),
      NOW - 1_000_000,
    );
  }
  await record("sweep of 1010, 10 expired", () => sweep());
  await record("transition", async () => {
    const row = await storedRow(engine.client, engine.statusTableName, {
      ...ORGANIZATION,
      agentId: "fleet-agent-00000",
    });
    meter.take();
    await service.transitions({
      Records: [
        {
          eventID: "event",
          dynamodb: {
            SequenceNumber: "1",
            NewImage: marshall(row ?? {}, { removeUndefinedValues: true }),
          },
        },
      ],
    });
    meter.add({ invocations: 1 });
  });
  return results;

  async function sweep(): Promise<void> {
    await service.sweep({}, { getRemainingTimeInMillis: () => 300_000 });
    meter.add({ invocations: 1 });
  }
}
