/** What a construct publishes of itself: outputs of the stack that is deployed, by which people and the command line find it. */

import { CfnOutput, Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";

/** The outputs of a construct, by what their names end in. The command line knows these names. */
export interface Published {
  WebSocketUrl: string;
  StatusTableName: string;
  RegistryTableName: string;
  EventBusName: string;
  CustomDomainTarget: string | undefined;
  DashboardUrl: string | undefined;
  DashboardDomainTarget: string | undefined;
}

export type OutputName = keyof Published;

const DESCRIPTIONS: Readonly<Record<OutputName, string>> = {
  WebSocketUrl: "Where agents connect",
  StatusTableName: "Who is online: derive, don't trust",
  RegistryTableName: "Agents and their public keys",
  EventBusName: "Where transitions are published, and messages to agents taken from",
  CustomDomainTarget: "What the domain's record points at",
  DashboardUrl: "Open it with: agent-heartbeat dashboard",
  DashboardDomainTarget: "What the record of the dashboard's domain points at",
};

/**
 * Adds the outputs to the stack that is deployed, which of a nested stack is the outermost one around it: as in
 * `PresenceWebSocketUrl`, where the construct's id in its stack is `Presence`. None is exported, for the name of an
 * export is a region's.
 */
export function publish(construct: Construct, published: Published): Map<OutputName, CfnOutput> {
  const stack = outermost(Stack.of(construct));
  const prefix = prefixOf(construct, stack);
  const outputs = new Map<OutputName, CfnOutput>();
  for (const name of Object.keys(DESCRIPTIONS) as OutputName[]) {
    const value = published[name];
    if (value === undefined) continue;
    const description = DESCRIPTIONS[name];
    outputs.set(name, new CfnOutput(stack, `${prefix}${name}`, { value, description }));
  }
  return outputs;
}

const outermost = (stack: Stack): Stack =>
  stack.nestedStackParent ? outermost(stack.nestedStackParent) : stack;

/** The construct's id. One that is not all letters and digits, or lies deeper, could be mistaken for another one's. */
function prefixOf(construct: Construct, stack: Stack): string {
  const path = construct.node.path.slice(stack.node.path.length).replace(/^\//, "");
  if (/^[A-Za-z0-9]+$/.test(path)) return path;
  return `${path.replace(/[^A-Za-z0-9]/g, "")}${construct.node.addr.slice(-8)}`;
}
