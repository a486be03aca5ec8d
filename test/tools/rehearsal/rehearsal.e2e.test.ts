/** Runs all rehearsals of the runbook's procedures. */

import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "@jest/globals";

const run = promisify(execFile);
const ROOT = resolve(__dirname, "../../..");
const REHEARSALS = join(ROOT, "tools/rehearsal");

describe("the rehearsals", () => {
  it("all pass, and each has a section in the runbook", async () => {
    // The assembly that the suite's setup synthesized, if there is one.
    const assembly = join(dirname(process.env.AGENT_HEARTBEAT_TARGET ?? ROOT), "cdk.out");
    const args = existsSync(assembly) ? ["--assembly", assembly] : [];
    const { stdout } = await run(
      process.execPath,
      [
        "--conditions=agent-heartbeat-source",
        "--import",
        "tsx",
        join(REHEARSALS, "main.ts"),
        ...args,
      ],
      { cwd: ROOT, env: { ...process.env, NO_COLOR: "1" } },
    );
    expect(stdout).not.toContain("FAILED");
    expect(stdout.trimEnd().endsWith("All checks passed.")).toBe(true);
    const runbook = readFileSync(join(ROOT, "docs/operations.md"), "utf8");
    const headings = stdout.split("\n").filter((line) => /^[A-Z].*[a-z]$/.test(line));
    expect(headings).toHaveLength(4);
    for (const heading of headings) expect(runbook).toContain(`### ${heading}\n`);
  });

  it("are referenced in the runbook with their command", () => {
    const runbook = readFileSync(join(ROOT, "docs/operations.md"), "utf8");
    const names = readdirSync(REHEARSALS)
      .map((file) => /^ {2}name: "(.*)",$/m.exec(readFileSync(join(REHEARSALS, file), "utf8"))?.[1])
      .filter((name) => name !== undefined);
    expect(names).toHaveLength(4);
    for (const name of names) expect(runbook).toContain(`npm run rehearse ${name}`);
  });
});
