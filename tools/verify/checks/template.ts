/** Checks the synthesized templates with AWS's linter. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { TEMPLATES, type TemplateName, templateOf } from "../../../testing/templates";
import { type Check, failed, passed, skipped } from "../check";
import { finished } from "../process";
import { pythonTool, ToolMissing, versionOf } from "../python";

/** Accepted rule violations, with the reason. */
const ACCEPTED: Readonly<Record<string, string>> = {
  W3005: "CDK adds dependencies that references already imply",
};

interface Finding {
  Rule: { Id: string };
  Message: string;
  Location: { Path: unknown[] };
}

export const templateChecks = (): Check[] =>
  (Object.keys(TEMPLATES) as TemplateName[]).map(
    (name): Check => ({
      id: `cfn-lint-${name}`,
      what: `CloudFormation template, ${name} settings`,
      against: `cfn-lint ${versionOf("cfn-lint")}`,
      async run({ directory, signal }) {
        try {
          const { command } = await pythonTool("cfn-lint", signal);
          const file = join(directory, `${name}.template.json`);
          writeFileSync(file, JSON.stringify(templateOf(name)));
          const { output } = await finished(command, ["--format", "json", file], { signal });
          const findings = JSON.parse(output || "[]") as Finding[];
          const open = findings.filter(({ Rule }) => !(Rule.Id in ACCEPTED));
          const accepted = findings.length - open.length;
          const line = `${open.length} findings, and ${accepted} of ${Object.keys(ACCEPTED).join(", ")}`;
          if (open.length === 0) return passed(line);
          return failed(line, open.map(({ Rule, Message }) => `${Rule.Id} ${Message}`).join("\n"));
        } catch (error) {
          if (error instanceof ToolMissing) return skipped(error.message);
          throw error;
        }
      },
    }),
  );
