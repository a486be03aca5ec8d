/** Reads a row of the AgentStatus table out of DynamoDB's form. */

import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { StatusRow } from "./status";

/** The row in a DynamoDB item, which every write leaves complete. */
export function rowFromItem(item: Record<string, AttributeValue>): StatusRow {
  return unmarshall(item) as StatusRow;
}
