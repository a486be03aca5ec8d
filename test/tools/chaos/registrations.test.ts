import { AgentRegistry } from "@agent-heartbeat/sdk/registry";
import { rowFromItem } from "@agent-heartbeat/sdk/status";
import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { keyTagOf } from "../../../core/row-connections";
import { type Engine, startEngine } from "../../../testing/engine";
import { onlineRow, putRows } from "../../../testing/status-rows";
import { DatabaseProxy } from "../../../tools/chaos/stage/database-proxy";
import { Registrations } from "../../../tools/chaos/stage/registrations";

const organizationId = "chaos";

describe("the registrations of a run", () => {
  let engine: Engine;
  let proxy: DatabaseProxy;
  let registrations: Registrations;
  let registry: AgentRegistry;
  beforeAll(async () => {
    engine = await startEngine();
    proxy = await DatabaseProxy.start(engine.endpoint, () => 0);
    const { registryTableName, statusTableName } = engine;
    const tables = { organizationId, registryTableName, statusTableName };
    registrations = new Registrations({ ...tables, endpoint: () => proxy.endpoint });
    registry = new AgentRegistry({ client: engine.client, ...tables });
  });
  afterAll(async () => {
    proxy.close();
    await engine.stop();
  });

  /** Loses the answers to so many writes, which are carried out. */
  function loseAnswers(count: number): void {
    let left = count;
    proxy.faults.lostAnswersShare = 1;
    proxy.rewrite = (operation, body) => {
      if (/\.(UpdateItem|PutItem)$/.test(operation) && left-- <= 0)
        proxy.faults.lostAnswersShare = 0;
      return body;
    };
  }

  async function online(agentId: string): Promise<void> {
    const [key] = (await registry.get({ organizationId, agentId }))?.publicKeys ?? [];
    const connections = new Set([`A=.${key ? keyTagOf(key) : ""}`]);
    const row = onlineRow(Date.now(), { organizationId, agentId, connections });
    await putRows(engine.client, engine.statusTableName, [row]);
  }

  const statusOf = async (agentId: string) => {
    const { Item } = await engine.client.send(
      new GetItemCommand({
        TableName: engine.statusTableName,
        Key: { organizationId: { S: organizationId }, agentId: { S: agentId } },
      }),
    );
    return Item && rowFromItem(Item).status;
  };

  it.each([1, 2, 3, 4, 5, 6, 7])(
    "have ended an agent's connections when its key is rotated away, if %s answers are lost",
    async (lost) => {
      const agentId = `rotated-${lost}`;
      await registrations.register(agentId);
      await online(agentId);
      loseAnswers(lost);
      await registrations.rotate(agentId);
      expect(await statusOf(agentId)).toBe("offline");
      expect((await registry.get({ organizationId, agentId }))?.publicKeys).toHaveLength(1);
    },
  );

  it("are removed and made again, if the answers to the first attempt are lost", async () => {
    await registrations.register("removed");
    await online("removed");
    loseAnswers(4);
    await registrations.remove("removed");
    expect(await statusOf("removed")).toBeUndefined();
    loseAnswers(4);
    await registrations.register("removed");
    expect(await registry.get({ organizationId, agentId: "removed" })).toMatchObject({
      enabled: true,
    });
  });

  it("leave an agent's processes the former key until the new one is handed over", async () => {
    await registrations.register("former");
    const former = registrations.privateKeyOf("former");
    registrations.handOver("former");
    expect(registrations.privateKeyOf("former")).toBe(former);
    await registrations.rotate("former");
    expect(registrations.privateKeyOf("former")).toBe(former);
    registrations.handOver("former");
    expect(registrations.privateKeyOf("former")).not.toBe(former);
  });
});
