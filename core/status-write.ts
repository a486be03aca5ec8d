/** A conditional write of a status row, as text and plain values: the one form that lease and lock-out share. */

import {
  ConditionalCheckFailedException,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { convertToAttr, marshall } from "@aws-sdk/util-dynamodb";
import type { StatusRow } from "./status";
import { rowFromItem } from "./status-row";

/** Values by their names in the text, without the colon. Those that the text does not name are left out. */
export type WriteValues = Record<string, unknown>;

/** What a write does to which row, and under which condition. */
export interface StatusWrite extends Pick<StatusRow, "organizationId" | "agentId"> {
  update: string;
  condition: string;
  values: WriteValues;
}

/** The command of a write. A refusal brings the row that stood in its way, which costs no read. */
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
    // Names and values that nothing uses are refused.
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
 * The row that stood in the way of a write, undefined if there is none.
 *
 * @throws the error itself, unless the condition was refused
 */
export function rowInTheWay(error: unknown): StatusRow | undefined {
  if (!(error instanceof ConditionalCheckFailedException)) throw error;
  return error.Item && rowFromItem(error.Item);
}
