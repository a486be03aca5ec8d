/** How many attempts a hostile test makes: few in CI, many at night. */

/** @param inCi attempts unless `FUZZ_RUNS` says otherwise */
export const runs = (inCi: number): number => Number(process.env.FUZZ_RUNS ?? inCi);
