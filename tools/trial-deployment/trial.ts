/** The order of a trial: whatever happens after the deployment has begun, nothing stays behind. */

import type { Removal } from "./stack";

export interface TrialSteps {
  /** Deploys the stacks. */
  deploy(): Promise<void>;
  /** Uses them. Resolves with whether all was well. */
  use(): Promise<boolean>;
  /** Removes them, in whatever state they are. Not to be interrupted. */
  remove(): Promise<Removal>;
  /** Tells what was used, and what it costs. */
  account(): Promise<void>;
  log(line: string): void;
}

/**
 * Deploys, uses and removes.
 *
 * @param keep leaves the stack, and says how it is removed
 * @returns whether all was well: the tests passed, and nothing stayed behind
 * @throws what the first failing step has thrown, after everything was removed
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
    else well = cleaned(await steps.remove()) && well;
  }
  await steps.account();
  return well;

  function cleaned({ removed, left }: Removal): boolean {
    for (const { type, id } of removed) log(`removed what the stack had left: ${type} ${id}`);
    for (const { type, id } of left) log(`LEFT BEHIND, remove it by hand: ${type} ${id}`);
    log(left.length === 0 ? "removed: nothing is left" : "removed, but for what is named above");
    return left.length === 0;
  }
}
