/** The sweep in the whole service: its schedule, and self-preservation. */

import { UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { afterEach, describe, expect, it } from "@jest/globals";
import { type LocalService, startLocalService } from "../../local/app/service";
import type { LocalRuntimeOptions } from "../../local/aws/runtime";
import { BareClient } from "../../testing/e2e/client";
import { sharedAssembly, type Target, targetOf } from "../../testing/e2e/target";
import { until } from "../../testing/e2e/until";
import { testKey } from "../../testing/login";

const assemblyDirectory = sharedAssembly();

(assemblyDirectory ? describe : describe.skip)("the sweep", () => {
  let runtime: LocalService;
  let service: Target | undefined;
  afterEach(async () => {
    service?.close();
    service = undefined;
    await runtime.stop();
  });

  async function start(options: Partial<LocalRuntimeOptions>): Promise<void> {
    runtime = await startLocalService({
      assemblyDirectory: String(assemblyDirectory),
      pollIntervalMs: 20,
      onProblem: (problem) => console.error(problem),
      ...options,
    });
  }

  it("does not report agents whose messages reach the gateway but not the table, but reports all that are gone", async () => {
    await start({ schedules: false });
    service = targetOf(runtime.outputs);
    const told: [string, Record<string, unknown>][] = [];
    runtime.onEvent(({ "detail-type": type, detail }) => {
      told.push([type, detail as Record<string, unknown>]);
    });
    const key = await testKey();
    const ids = Array.from({ length: 22 }, (_, index) => `agent-${index}`);
    const clients = await Promise.all(
      ids.map(async (agentId) => {
        await service?.registry.register({
          organizationId: "acme",
          agentId,
          publicKey: key.jwk as never,
        });
        const claims = { org: "acme", iss: agentId, sub: agentId };
        const client = await BareClient.connect(runtime.outputs.webSocketUrl, key, claims);
        await client.ask({ type: "heartbeat" });
        return client;
      }),
    );
    // Simulates that time has passed, because leases use the machine's clock, which tests can't control.
    const passes = (...names: ("leaseExpiresAt" | "lastHeartbeatAt")[]) =>
      Promise.all(
        ids.map((agentId) =>
          service?.client.send(
            new UpdateItemCommand({
              TableName: service.statusTableName,
              Key: { organizationId: { S: "acme" }, agentId: { S: agentId } },
              UpdateExpression: `SET ${names.map((name) => `${name} = ${name} - :hour`).join(", ")}`,
              ExpressionAttributeValues: { ":hour": { N: "3600000" } },
            }),
          ),
        ),
      );
    const events = (type: string) =>
      told.filter(([name]) => name === type).map(([, detail]) => detail);
    const sweep = () => runtime.invoke("PresenceSweep") as Promise<Record<string, number>>;

    // They send messages other than heartbeats, as if heartbeats did not reach the table.
    const speak = () =>
      Promise.all(clients.map((client) => client.ask({ type: "unsubscribe", subject: "none" })));
    await passes("lastHeartbeatAt", "leaseExpiresAt");
    await speak();
    expect(await sweep()).toMatchObject({ expired: 0, held: 22 });
    expect(events("Mass Expiry Suspected")).toMatchObject([
      { silent: 22, online: 22, sample: { probed: 20, active: 20, silent: 0, gone: 0 } },
    ]);
    expect(await clients[0]?.ask({ type: "list" })).toMatchObject({
      massExpiry: { suspectedAt: expect.any(Number), heldUntil: expect.any(Number) },
    });

    await Promise.all(clients.map((client) => client.ask({ type: "heartbeat" })));
    expect(await sweep()).toMatchObject({ expired: 0, held: 0, online: 22 });
    expect(events("Mass Expiry Ended")).toMatchObject([{ outcome: "recovered" }]);
    expect(events("Agent Offline")).toEqual([]);

    // Now they are silent, until the hold time is over.
    await passes("leaseExpiresAt");
    expect(await sweep()).toMatchObject({ expired: 0, held: 22 });
    await service.client.send(
      new UpdateItemCommand({
        TableName: service.registryTableName,
        Key: { organizationId: { S: "#sweep" }, recordId: { S: "mass-expiry#acme" } },
        UpdateExpression: "SET heldUntil = :now",
        ExpressionAttributeValues: { ":now": { N: String(Date.now()) } },
      }),
    );
    expect(await sweep()).toMatchObject({ expired: 22, held: 0, connectionsClosed: 22 });
    expect(events("Mass Expiry Ended")).toMatchObject([
      { outcome: "recovered" },
      { outcome: "confirmed" },
    ]);
    await until(async () => (events("Agent Offline").length === 22 ? true : undefined));
  });
});
