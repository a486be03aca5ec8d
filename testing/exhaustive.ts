/** Whether tests play all of what they otherwise take a sample of: `npm run test:exhaustive`. */

export const EXHAUSTIVE = process.env.EXHAUSTIVE !== undefined;

/** All cases, or every n-th from the first on. */
export const sampled = <T>(cases: readonly T[], n: number): T[] =>
  cases.filter((_, index) => EXHAUSTIVE || index % n === 0);
