/** The acknowledgement is posted to the connection, as in AWS's WebSocket examples. */

import { keyOf, putRow, renewRow, tableOf, type Variant } from "./variant";

const TableName = "StatusAckByPost";

export const ackByPost: Variant = {
  name: "ack by @connections",
  what: "the ack is posted to the connection instead of returned: one more call, which counts against the account's throttle",
  tables: [tableOf(TableName, "organizationId", "agentId")],
  connect: (input, { client }) => putRow(client, TableName, input),
  heartbeat: async (input, { client, meter }) => {
    await renewRow(client, TableName, keyOf(input), input.now);
    meter.add({ connectionCalls: 1, messagesOut: 1 });
  },
};
