/** A deployed stack: its outputs, its resources, and its complete removal. */

import {
  DeleteStackCommand,
  DescribeStacksCommand,
  paginateListStackResources,
  type Stack,
  type StackResourceSummary,
  waitUntilStackDeleteComplete,
} from "@aws-sdk/client-cloudformation";
import { DeleteLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DeleteTableCommand } from "@aws-sdk/client-dynamodb";
import type { Clients } from "./clients";

/** CloudFront takes longest: about five minutes. */
const DELETION_SECONDS = 1800;

/** Statuses of resources that remain after their stack is deleted. */
const REMAINING: readonly (string | undefined)[] = ["DELETE_SKIPPED", "DELETE_FAILED"];

/** Resource types that outlive their stack, with the call that deletes them. */
const REMOVED: Readonly<Record<string, (clients: Clients, id: string) => Promise<unknown>>> = {
  "AWS::DynamoDB::Table": ({ dynamoDb }, TableName) =>
    dynamoDb.send(new DeleteTableCommand({ TableName })),
  "AWS::Logs::LogGroup": ({ logs }, logGroupName) =>
    logs.send(new DeleteLogGroupCommand({ logGroupName })),
};

export interface Resource {
  type: string;
  logicalId: string;
  /** The physical name or id. */
  id: string;
  /** Whether the resource remained when the stack was deleted. */
  left: boolean;
}

/** @returns undefined if no stack has this name or ARN */
async function stackOf(
  { cloudFormation }: Pick<Clients, "cloudFormation">,
  StackName: string,
): Promise<Stack | undefined> {
  try {
    const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
    return Stacks[0];
  } catch (error) {
    if (/does not exist/.test((error as Error).message)) return undefined;
    throw error;
  }
}

/** @throws Error if the stack does not exist */
export async function outputsOf(clients: Clients, name: string): Promise<Map<string, string>> {
  const stack = await stackOf(clients, name);
  if (!stack) throw new Error(`stack ${name} does not exist`);
  return new Map(
    (stack.Outputs ?? []).map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue]),
  );
}

export async function resourcesOf(
  { cloudFormation }: Pick<Clients, "cloudFormation">,
  StackName: string,
): Promise<Resource[]> {
  const found: StackResourceSummary[] = [];
  for await (const page of paginateListStackResources({ client: cloudFormation }, { StackName })) {
    found.push(...(page.StackResourceSummaries ?? []));
  }
  return found.flatMap(({ ResourceType, LogicalResourceId, PhysicalResourceId, ResourceStatus }) =>
    ResourceType && LogicalResourceId && PhysicalResourceId
      ? {
          type: ResourceType,
          logicalId: LogicalResourceId,
          id: PhysicalResourceId,
          left: REMAINING.includes(ResourceStatus),
        }
      : [],
  );
}

export interface Removal {
  /** Resources that outlived the stack and were deleted one by one. */
  removed: Resource[];
  /** Resources that still exist and must be removed by hand. */
  left: Resource[];
}

/**
 * Deletes a stack in any state, and the resources that outlive it. Does nothing if the stack does
 * not exist.
 *
 * @throws Error if the stack can't be deleted, even when undeletable resources are retained
 */
export async function removeStack(clients: Clients, name: string): Promise<Removal> {
  const stack = await stackOf(clients, name);
  if (!stack?.StackId) return { removed: [], left: [] };
  const before = await resourcesOf(clients, stack.StackId);
  await deleteStack(clients, stack.StackId);
  const after = await resourcesOf(clients, stack.StackId);
  const left = new Set(after.filter((resource) => resource.left).map(({ id }) => id));
  const removal: Removal = { removed: [], left: [] };
  for (const resource of before) {
    const remove = REMOVED[resource.type];
    try {
      await remove?.(clients, resource.id);
      if (remove) removal.removed.push(resource);
      else if (left.has(resource.id)) removal.left.push(resource);
    } catch (error) {
      if ((error as Error).name !== "ResourceNotFoundException") removal.left.push(resource);
    }
  }
  return removal;
}

async function deleteStack({ cloudFormation }: Clients, StackName: string): Promise<void> {
  const deleted = () =>
    waitUntilStackDeleteComplete(
      { client: cloudFormation, maxWaitTime: DELETION_SECONDS, minDelay: 1, maxDelay: 15 },
      { StackName },
    );
  await cloudFormation.send(new DeleteStackCommand({ StackName }));
  try {
    await deleted();
  } catch {
    // Some resource could not be deleted. Retain it, delete the rest, and handle it separately.
    await cloudFormation.send(
      new DeleteStackCommand({ StackName, DeletionMode: "FORCE_DELETE_STACK" }),
    );
    await deleted();
  }
}
