/** The list of the emulator's gaps. */

import { describe, expect, it } from "@jest/globals";
import { closedGaps, GAPS } from "../../../tools/trial-deployment/gaps";

describe("the emulator's known gaps", () => {
  it("are reported as closed once none of their tests fails", () => {
    const [first, ...others] = GAPS;
    const failed = others.map(({ tests }) => `${tests} and so on`);
    expect(closedGaps(failed)).toEqual([first]);
    expect(closedGaps([...failed, `${first?.tests}`])).toEqual([]);
  });
});
