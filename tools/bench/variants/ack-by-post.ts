/** The acknowledgement as a post to the connection, as in AWS's own WebSocket examples. */

import { keyOf, putRow, renewRow, tableOf, type Variant } from "./variant";

const TableName = "StatusAckByPost";

export const ackByPost: Variant = {
  name: "ack by @connections",
  what: "the ack is posted to the connection, not replied: one more call, that counts against the account's throttle",
  tables: [tableOf(TableName, "organizationId", "agentId")],
  connect: (beat, { client }) => putRow(client, TableName, beat),
  heartbeat: async (beat, { client, meter }) => {
    await renewRow(client, TableName, keyOf(beat), beat.now);
    meter.add({ connectionCalls: 1, messagesOut: 1 });
  },
};
