/** Lambda's own log lines left on, as they are unless one turns them off. */

import { keyOf, putRow, renewRow, tableOf, type Variant } from "./variant";

const TableName = "StatusWithLogs";
const REQUEST = "8f6a4c1e-8b0a-4b0e-9f0e-3a1c3c3f8f11";

/** The three lines of an invocation in Lambda's text format, its default. */
const LINES = [
  `START RequestId: ${REQUEST} Version: $LATEST\n`,
  `END RequestId: ${REQUEST}\n`,
  `REPORT RequestId: ${REQUEST}\tDuration: 4.21 ms\tBilled Duration: 5 ms\tMemory Size: 256 MB\tMax Memory Used: 98 MB\t\n`,
];

/** CloudWatch Logs bills each line with so many bytes more. */
const OVERHEAD_BYTES = 26;

export const platformLogs: Variant = {
  name: "platform logs on",
  what: "START, END and REPORT of every invocation, as Lambda writes them unless its system log level is WARN",
  tables: [tableOf(TableName, "organizationId", "agentId")],
  connect: (beat, { client }) => putRow(client, TableName, beat),
  heartbeat: async (beat, { client, meter }) => {
    await renewRow(client, TableName, keyOf(beat), beat.now);
    const logBytes = LINES.reduce((sum, line) => sum + Buffer.byteLength(line) + OVERHEAD_BYTES, 0);
    meter.add({ messagesOut: 1, logBytes });
  },
};
