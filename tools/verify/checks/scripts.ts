/** Checks that run a script of package.json. */

import { type Check, failed, passed } from "../check";
import { finished } from "../process";
import { installed, ROOT } from "../root";

const script = (id: string, what: string, against: string, name: string): Check => ({
  id,
  what,
  against,
  async run({ env, signal }) {
    const options = { cwd: ROOT, env, signal };
    const { code, output } = await finished("npm", ["run", "--silent", name], options);
    return code === 0 ? passed(`npm run ${name}`) : failed(`npm run ${name}`, output);
  },
});

export const scriptChecks = (): Check[] => [
  script("types", "types", installed("typescript"), "check:types"),
  script("pages", "types of the pages", installed("typescript"), "check:pages"),
  script("style", "lint and format", installed("@biomejs/biome"), "check:style"),
  script("imports", "imports between parts", installed("dependency-cruiser"), "check:imports"),
  script("unused", "unused code and packages", installed("knip"), "check:unused"),
];
