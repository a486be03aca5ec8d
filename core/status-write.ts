/** Conditional writes of a status row, for leases and lock-outs. */

import {
  ConditionalCheckFailedException,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { convertToAttr, marshall } from "@aws-sdk/util-dynamodb";
import type { StatusRow } from "./status";
import { rowFromItem } from "./status-row";

/** Values by their names in the expressions, without the colon. Unused values are omitted. */
export type WriteValues = Record<string, unknown>;

/** An update of a row and its condition. */
export interface StatusWrite extends Pick<StatusRow, "organizationId" | "agentId"> {
  update: string;
  condition: string;
  values: WriteValues;
}

/** The command of a write. If the condition fails, the error contains the row, without an additional read. */
export function statusWrite(
  TableName: string,
  { organizationId, agentId, update, condition, values }: StatusWrite,
): UpdateItemCommand {
  const text = `${update} ${condition}`;
  const named = [...new Set(text.match(/:\w+/g))];
  return new UpdateItemCommand({
    TableName,
    Key: marshall({ organizationId, agentId }),
    UpdateExpression: update,
    ConditionExpression: condition,
    // DynamoDB refuses unused names and values.
    ...(text.includes("#status") && { ExpressionAttributeNames: { "#status": "status" } }),
    ExpressionAttributeValues: Object.fromEntries(
      named.map((name) => [
        name,
        convertToAttr(values[name.slice(1)], { removeUndefinedValues: true }),
      ]),
    ),
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  } satisfies UpdateItemCommandInput);
}

/**
 * The row that caused a write's condition to fail; undefined if there is no row.
 *
 * @throws the error itself, unless it is a failed condition
 */
export function rowInTheWay(error: unknown): StatusRow | undefined {
  if (!(error instanceof ConditionalCheckFailedException)) throw error;
  return error.Item && rowFromItem(error.Item);
}
