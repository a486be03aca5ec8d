/** The number of attempts of a fuzz test: few on every change, more in CI, most at night. */

import { EXHAUSTIVE } from "../exhaustive";

/** The part of them that `npm test` plays. */
const SAMPLE = 1 / 8;

/** @param inCi the number of attempts of `npm run test:exhaustive`, unless `FUZZ_RUNS` is set */
export const runs = (inCi: number): number =>
  Number(process.env.FUZZ_RUNS ?? (EXHAUSTIVE ? inCi : Math.ceil(inCi * SAMPLE)));
