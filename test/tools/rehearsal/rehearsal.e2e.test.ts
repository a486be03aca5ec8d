/** The runbook's pages on losses: each is played from its beginning to its end. */

import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "@jest/globals";

const run = promisify(execFile);
const ROOT = resolve(__dirname, "../../..");

describe("the rehearsals", () => {
  it("all hold, and each has its page in the runbook", async () => {
    // The one that the suite's runtime was synthesized to, where there is one.
    const assembly = join(dirname(process.env.AGENT_HEARTBEAT_TARGET ?? ROOT), "cdk.out");
    const args = existsSync(assembly) ? ["--assembly", assembly] : [];
    const { stdout } = await run(
      process.execPath,
      [
        "--conditions=agent-heartbeat-source",
        "--import",
        "tsx",
        join(__dirname, "../../../tools/rehearsal/main.ts"),
        ...args,
      ],
      { cwd: ROOT, env: { ...process.env, NO_COLOR: "1" } },
    );
    expect(stdout).not.toContain("DOES NOT HOLD");
    expect(stdout.trimEnd().endsWith("Everything held.")).toBe(true);
    const runbook = readFileSync(join(ROOT, "docs/operations.md"), "utf8");
    const headings = stdout.split("\n").filter((line) => /^[A-Z].*[a-z]$/.test(line));
    expect(headings).toHaveLength(4);
    for (const heading of headings) expect(runbook).toContain(`### ${heading}\n`);
  });

  it("are named in the runbook by the command that plays them", () => {
    const runbook = readFileSync(join(ROOT, "docs/operations.md"), "utf8");
    const names = readdirSync(__dirname)
      .map((file) => /^ {2}name: "(.*)",$/m.exec(readFileSync(join(__dirname, file), "utf8"))?.[1])
      .filter((name) => name !== undefined);
    expect(names).toHaveLength(4);
    for (const name of names) expect(runbook).toContain(`npm run rehearse ${name}`);
  });
});
