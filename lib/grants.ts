/** Grants for an app's own functions. Each allows what one class of the SDK calls, and no more. */

import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { IEventBus } from "aws-cdk-lib/aws-events";
import { Grant, type IGrantable, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { EVENT_DETAIL_TYPES } from "../core/events";
import { grantTableKey } from "./encryption";

interface Tables {
  readonly statusTable: ITable;
  readonly registryTable: ITable;
}

const READ = ["dynamodb:GetItem", "dynamodb:Query"];

/** Allows what `StatusReader` calls: reading rows, and profiles and histories in the registry. */
export function grantReadStatus({ statusTable, registryTable }: Tables, grantee: IGrantable): void {
  grantOn(statusTable, grantee, READ, "read");
  grantOn(registryTable, grantee, [...READ, "dynamodb:BatchGetItem"], "read");
}

/**
 * Allows what `AgentRegistry` and `EnrolmentRegistry` call: reading and writing registrations, reading when ephemeral agents were
 * last seen, and writing the row of a revoked agent.
 */
export function grantRegister({ statusTable, registryTable }: Tables, grantee: IGrantable): void {
  const write = ["dynamodb:PutItem", "dynamodb:UpdateItem"];
  grantOn(registryTable, grantee, [...READ, ...write], "write");
  grantOn(statusTable, grantee, ["dynamodb:BatchGetItem", "dynamodb:UpdateItem"], "write");
}

/** Allows messages only. A principal that could put `Agent Offline` on the bus could publish false transitions. */
export function grantPublish(eventBus: IEventBus, grantee: IGrantable): void {
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({
      actions: ["events:PutEvents"],
      resources: [eventBus.eventBusArn],
      conditions: { StringEquals: { "events:detail-type": EVENT_DETAIL_TYPES.message } },
    }),
  );
}

function grantOn(
  { tableArn, encryptionKey }: ITable,
  grantee: IGrantable,
  actions: string[],
  access: "read" | "write",
): void {
  // Not the table's own grant, which would include its indexes.
  Grant.addToPrincipal({ grantee, actions, resourceArns: [tableArn] });
  if (encryptionKey) grantTableKey(encryptionKey, grantee, access);
}
