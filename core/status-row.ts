/** Converts items of the AgentStatus table. */

import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { StatusRow } from "./status";

/** The row in a DynamoDB item. */
export function rowFromItem(item: Record<string, AttributeValue>): StatusRow {
  return unmarshall(item) as StatusRow;
}
