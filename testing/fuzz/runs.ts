/** The number of attempts of a fuzz test: few in CI, many at night. */

/** @param inCi the number of attempts unless `FUZZ_RUNS` is set */
export const runs = (inCi: number): number => Number(process.env.FUZZ_RUNS ?? inCi);
