/** Checks that workflows pin third-party actions by commit and have minimal permissions. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";

const WORKFLOWS = join(__dirname, "..", "..", ".github", "workflows");

/** Known commits and their versions, looked up when they were added. Update both together. */
const KNOWN: Readonly<Record<string, string>> = {
  "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683": "v4.2.2",
  "actions/configure-pages@983d7736d9b0ae728b81ab479565c72886d7745b": "v5.0.0",
  "actions/deploy-pages@d6db90164ac5ed86f2b6aed7e0febac5b3c0c03e": "v4.0.5",
  "actions/setup-node@49933ea5288caeca8642d1e84afbd3f7d6820020": "v4.4.0",
  "actions/upload-pages-artifact@7b1f4a764d45c48632c6b24a0339c27f5614fb0b": "v4.0.0",
};

const files = readdirSync(WORKFLOWS).map((file) => ({
  file,
  text: readFileSync(join(WORKFLOWS, file), "utf8"),
}));

describe.each(files)("the workflow $file", ({ text }) => {
  it("pins every action to a known commit, with its version in a comment", () => {
    const uses = text.split("\n").flatMap((line) => line.split(/uses:\s*/)[1] ?? []);
    expect(uses.length).toBeGreaterThan(0);
    for (const use of uses) {
      const [, action = "", version] = /^(\S+@[0-9a-f]{40}) # (v\d+\.\d+\.\d+)$/.exec(use) ?? [];
      expect([use, KNOWN[action]]).toEqual([use, version]);
    }
  });

  it("has read permission only, unless a comment gives a reason", () => {
    expect(text).toMatch(/^permissions:\n {2}contents: read\n/m);
    const more = text.split("\n").filter((line) => /^\s+[a-z-]+: write\b/.test(line));
    expect(more.filter((line) => !/# \w+/.test(line))).toEqual([]);
  });

  it("does not persist checkout credentials, and sets timeouts", () => {
    const checkouts = text.match(/uses: actions\/checkout/g) ?? [];
    const without = text.match(/persist-credentials: false/g) ?? [];
    expect(without).toHaveLength(checkouts.length);
    const jobs = text.match(/runs-on:/g) ?? [];
    expect(text.match(/timeout-minutes:/g)).toHaveLength(jobs.length);
  });

  it("installs from the lock file only", () => {
    expect(text).not.toMatch(/npm (install|i|update)\b/);
  });
});

describe("the workflow nightly.yml", () => {
  it.each(["test:nightly", "verify"])("runs npm run %s in a separate job", (script) => {
    const { text = "" } = files.find(({ file }) => file === "nightly.yml") ?? {};
    const jobs = text.split(/^ {2}(?=[a-z-]+:$)/m).slice(1);
    const running = jobs.filter((job) => job.includes(`run: npm run ${script}\n`));
    expect(running).toHaveLength(1);
  });
});
