/** The list of the emulator's gaps. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { closedGaps, GAPS } from "../../../tools/trial-deployment/gaps";

const FOLDER = join(__dirname, "../../e2e");

const titlesIn = (source: string, call: RegExp) =>
  [...source.matchAll(call)].map(([, title = ""]) => title);

/** The full names of the tests in a file, each as far as the first value that a table fills in. */
function namesIn(source: string): { name: string; isWhole: boolean }[] {
  const blocks = titlesIn(source, /\bdescribe(?:\.each\(.*?\))?\(\s*"([^"]+)"/gs);
  const tests = titlesIn(source, /(?:\bit|\bit\.each\(.*?\)|^ *\]\))\(\s*"([^"]+)"/gms);
  return blocks.flatMap((outer) =>
    [outer, ...blocks.map((inner) => `${outer} ${inner}`)].flatMap((block) =>
      tests.map((title) => {
        const [name = "", ...rest] = `${block} ${title}`.split("%s");
        return { name, isWhole: rest.length === 0 };
      }),
    ),
  );
}

describe("the emulator's known gaps", () => {
  it("are reported as closed once none of their tests fails", () => {
    const [first, ...others] = GAPS;
    const failed = others.map(({ tests }) => `${tests} and so on`);
    expect(closedGaps(failed)).toEqual([first]);
    expect(closedGaps([...failed, `${first?.tests}`])).toEqual([]);
  });

  it("name end-to-end tests that exist", () => {
    const names = readdirSync(FOLDER)
      .filter((file) => file.endsWith(".test.ts"))
      .flatMap((file) => namesIn(readFileSync(join(FOLDER, file), "utf8")));
    const exists = ({ tests }: { tests: string }) =>
      names.some(
        ({ name, isWhole }) => name.startsWith(tests) || (!isWhole && tests.startsWith(name)),
      );
    expect(GAPS.filter((gap) => !exists(gap))).toEqual([]);
  });
});
