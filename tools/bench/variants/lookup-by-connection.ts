/** The agent of a connection is looked up in a table at every heartbeat. */

import { GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { keyOf, putRow, renewRow, tableOf, type Variant } from "./variant";

const STATUS = "StatusByAgent";
const CONNECTIONS = "AgentByConnection";

export const lookupByConnection: Variant = {
  name: "lookup by connection",
  what: "`$connect` stores which agent a connection is, and each heartbeat reads it first",
  tables: [tableOf(STATUS, "organizationId", "agentId"), tableOf(CONNECTIONS, "connectionId")],
  connect: async (input, { client }) => {
    const Item = { ...keyOf(input), connectionId: { S: input.connectionId } };
    await client.send(new PutItemCommand({ TableName: CONNECTIONS, Item }));
    await putRow(client, STATUS, input);
  },
  heartbeat: async ({ connectionId, now }, { client, meter }) => {
    const { Item } = await client.send(
      new GetItemCommand({ TableName: CONNECTIONS, Key: { connectionId: { S: connectionId } } }),
    );
    const { organizationId, agentId } = Item ?? {};
    if (!organizationId || !agentId)
      throw new Error(`${connectionId}: expected its agent, got none`);
    await renewRow(client, STATUS, { organizationId, agentId }, now);
    meter.add({ messagesOut: 1 });
  },
};
