/** Names of the stacks of one trial deployment. */

import type { Mode } from "../../testing/e2e/target";

export const directStackName = (stackName: string): string => `${stackName}-direct`;

/** The stacks of a trial, by what answers heartbeats. */
export function stacksOf(stackName: string, emulated: boolean): ReadonlyMap<Mode, string> {
  const direct = ["direct", directStackName(stackName)] as const;
  return new Map([["lambda", stackName] as const, ...(emulated ? [] : [direct])]);
}
