/** Lambda's own log lines left on, which is the default. */

import { keyOf, putRow, renewRow, tableOf, type Variant } from "./variant";

const TableName = "StatusWithLogs";
const REQUEST = "8f6a4c1e-8b0a-4b0e-9f0e-3a1c3c3f8f11";

/** The three lines of an invocation in Lambda's default text format. */
const LINES = [
  `START RequestId: ${REQUEST} Version: $LATEST\n`,
  `END RequestId: ${REQUEST}\n`,
  `REPORT RequestId: ${REQUEST}\tDuration: 4.21 ms\tBilled Duration: 5 ms\tMemory Size: 256 MB\tMax Memory Used: 98 MB\t\n`,
];

/** Overhead per line that CloudWatch Logs bills. */
const OVERHEAD_BYTES = 26;

export const platformLogs: Variant = {
  name: "platform logs on",
  what: "START, END and REPORT lines of every invocation, which Lambda writes unless its system log level is WARN",
  tables: [tableOf(TableName, "organizationId", "agentId")],
  connect: (input, { client }) => putRow(client, TableName, input),
  heartbeat: async (input, { client, meter }) => {
    await renewRow(client, TableName, keyOf(input), input.now);
    const logBytes = LINES.reduce((sum, line) => sum + Buffer.byteLength(line) + OVERHEAD_BYTES, 0);
    meter.add({ messagesOut: 1, logBytes });
  },
};
