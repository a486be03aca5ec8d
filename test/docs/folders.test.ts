/** Checks that every check covers all folders with code, and no folders of users. */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";

const jestSettings = require("../../jest.config.js") as { projects: { roots: string[] }[] };

const ROOT = join(__dirname, "..", "..");
const json = (file: string) => JSON.parse(readFileSync(join(ROOT, file), "utf8"));
const firsts = (paths: string[]) => [...new Set(paths.map((path) => path.split("/")[0]))].sort();
const inBraces = (pattern: string) => (/^\{(.*?)\}/.exec(pattern)?.[1] ?? "").split(",");

const checks: Record<string, string[]> = {
  biome: inBraces(json("biome.json").files.includes[0]),
  types: firsts([...json("tsconfig.json").include, "dashboard"]) as string[],
  imports: firsts(
    /depcruise (.*?) --config/
      .exec(json("package.json").scripts["check:imports"])?.[1]
      ?.split(" ") ?? [],
  ) as string[],
  unused: [
    ...inBraces(json("knip.json").workspaces["."].project[0]),
    ...json("package.json").workspaces,
  ],
  tests:
    jestSettings.projects[0]?.roots.map((root: string) => root.replace("<rootDir>/", "")) ?? [],
};

describe("the folders with code", () => {
  const known = checks.biome?.toSorted() ?? [];

  it.each(Object.keys(checks))("are all covered by the check of %s", (name) => {
    expect(checks[name]?.toSorted()).toEqual(known);
  });

  it("exist", () => {
    expect(known.filter((folder) => !existsSync(join(ROOT, folder)))).toEqual([]);
  });

  it("are all that git tracks", () => {
    const tracked = execFileSync("git", ["ls-files", "*.ts", "*.tsx", "*.mts", "*.mjs"], {
      cwd: ROOT,
    });
    const files = tracked.toString().trim().split("\n");
    expect(firsts(files.filter((file) => file.includes("/")))).toEqual(known);
  });
});
