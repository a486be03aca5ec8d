/** Outputs of the deployed stack, by which people and the command line find a construct. */

import { CfnOutput, Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";

/** The outputs of a construct, by the ends of their names. The command line relies on these names. */
export interface Published {
  WebSocketUrl: string;
  HttpUrl: string | undefined;
  StatusTableName: string;
  RegistryTableName: string;
  EventBusName: string;
  CustomDomainTarget: string | undefined;
  HttpDomainTarget: string | undefined;
  DashboardUrl: string | undefined;
  DashboardDomainTarget: string | undefined;
}

export type OutputName = keyof Published;

const DESCRIPTIONS: Readonly<Record<OutputName, string>> = {
  WebSocketUrl: "The URL that agents connect to",
  HttpUrl: "The URL of heartbeats over HTTP",
  StatusTableName: "One row per agent; derive the status, don't trust the stored one",
  RegistryTableName: "Agents and their public keys",
  EventBusName: "Transitions are published here, messages to agents are taken from here",
  CustomDomainTarget: "Target of the custom domain's DNS record",
  HttpDomainTarget: "Target of the DNS record of the HTTP endpoint's domain",
  DashboardUrl: "Open it with: agent-heartbeat dashboard",
  DashboardDomainTarget: "Target of the DNS record of the dashboard's domain",
};

/**
 * Adds the outputs to the deployed stack: for a nested stack, that is the outermost one. Their names begin with the
 * construct's id, as in `PresenceWebSocketUrl`. None is exported, because export names must be unique in a region.
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

/**
 * The options by which the command line finds a construct.
 *
 * @param urlOutput its output `WebSocketUrl`, whose name may still be changed
 */
export function optionsOf(urlOutput: CfnOutput): string {
  const { stack } = urlOutput;
  const id = String(stack.resolve(urlOutput.logicalId)).replace(/WebSocketUrl$/, "");
  return `--stack ${stack.stackName}${id && ` --construct ${id}`}`;
}

const outermost = (stack: Stack): Stack =>
  stack.nestedStackParent ? outermost(stack.nestedStackParent) : stack;

/** The construct's id. If it is not alphanumeric or not at the top of the stack, a hash makes it unique. */
function prefixOf(construct: Construct, stack: Stack): string {
  const path = construct.node.path.slice(stack.node.path.length).replace(/^\//, "");
  if (/^[A-Za-z0-9]+$/.test(path)) return path;
  return `${path.replace(/[^A-Za-z0-9]/g, "")}${construct.node.addr.slice(-8)}`;
}
