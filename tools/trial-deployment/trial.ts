/**
 * The order of steps of a trial deployment. Once deployment has begun, the stacks are always
 * removed.
 */

import type { Removal } from "./stack";

export interface TrialSteps {
  /** Deploys the stacks. */
  deploy(): Promise<void>;
  /** Runs the tests. Resolves to whether they passed. */
  use(): Promise<boolean>;
  /** Removes the stacks in whatever state they are. Never interrupted. */
  remove(): Promise<Removal>;
  /** Reports usage and cost. */
  account(): Promise<void>;
  log(line: string): void;
}

/**
 * Deploys, tests and removes the stacks.
 *
 * @param keep whether to keep the stack, and print how to remove it
 * @returns whether the tests passed and everything was removed
 * @throws the error of the first failing step, after everything was removed
 */
export async function runTrial(
  steps: TrialSteps,
  { keep, stackName }: { keep: boolean; stackName: string },
): Promise<boolean> {
  const { log } = steps;
  let well = false;
  try {
    await steps.deploy();
    well = await steps.use();
  } finally {
    if (keep) log(`kept, and billed: remove it by \`npm run test:aws -- --remove ${stackName}\``);
    else well = reportRemoval(await steps.remove()) && well;
  }
  await steps.account();
  return well;

  function reportRemoval({ removed, left }: Removal): boolean {
    for (const { type, id } of removed)
      log(`removed a resource that outlived the stack: ${type} ${id}`);
    for (const { type, id } of left) log(`LEFT BEHIND, remove it by hand: ${type} ${id}`);
    log(left.length === 0 ? "removed completely" : "removed, except for the resources above");
    return left.length === 0;
  }
}
