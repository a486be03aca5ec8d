/** Checks the synthesized templates with AWS's linter. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { DEPLOYMENTS } from "../../../testing/deployments";
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

export const templateChecks = (): Check[] => [
  ...(Object.keys(TEMPLATES) as TemplateName[]).map((name) =>
    lint(`cfn-lint-${name}`, `CloudFormation template, ${name} settings`, () => [templateOf(name)]),
  ),
  ...Object.entries(DEPLOYMENTS).map(([name, deployment], index) =>
    lint(`cfn-lint-matrix-${index + 1}`, `CloudFormation templates, ${name}`, () =>
      deployment().flatMap((app) =>
        app.node
          .findAll()
          .filter((node): node is Stack => Stack.isStack(node))
          .map((stack) => Template.fromStack(stack).toJSON()),
      ),
    ),
  ),
];

const lint = (id: string, what: string, templates: () => object[]): Check => ({
  id,
  what,
  against: `cfn-lint ${versionOf("cfn-lint")}`,
  async run({ directory, signal }) {
    try {
      const { command } = await pythonTool("cfn-lint", signal);
      const files = templates().map((template, index) => {
        const file = join(directory, `${id}-${index}.template.json`);
        writeFileSync(file, JSON.stringify(template));
        return file;
      });
      const { output } = await finished(command, ["--format", "json", ...files], { signal });
      const findings = JSON.parse(output || "[]") as Finding[];
      const open = findings.filter(({ Rule }) => !(Rule.Id in ACCEPTED));
      const accepted = findings.length - open.length;
      const line = `${open.length} findings, and ${accepted} of ${Object.keys(ACCEPTED).join(", ")}`;
      if (open.length === 0) return passed(line);
      return failed(
        line,
        open
          .map(({ Rule, Message, Location }) => `${Rule.Id} ${Location.Path.join(".")}: ${Message}`)
          .join("\n"),
      );
    } catch (error) {
      if (error instanceof ToolMissing) return skipped(error.message);
      throw error;
    }
  },
});
