/** Names for what an account has once, wherever it lies: CDK's own have no region in them. */

import { Aws, Fn } from "aws-cdk-lib";
import type { Construct } from "constructs";

const PREFIX = "agent-heartbeat";

/**
 * A name that no other region, stack or construct of the account has, in at most 61 characters: an origin access
 * control takes 64. The stack's own id is the one thing that differs between two deployments of an app.
 */
export function accountWideName(scope: Construct): string {
  const stackId = Fn.select(2, Fn.split("/", Aws.STACK_ID));
  return Fn.join("-", [PREFIX, scope.node.addr.slice(-8), stackId]);
}
