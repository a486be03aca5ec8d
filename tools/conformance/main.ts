/**
 * `npm run conformance`: plays the scenarios with both clients, and writes the table of `docs/conformance.md`. With
 * `-- vectors` it writes `conformance/vectors.json` instead.
 */

import { execFile, execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { vectors } from "./vectors";

interface Result {
  level: string;
  name: string;
  violation?: string;
}

const CLIENTS = {
  TypeScript: ["node", "tools/conformance/client.mjs"],
  Python: ["python/.venv/bin/python", "python/conformance.py"],
};

const HEAD = `# Conformance

What a client must do, and which clients do it. \`npm run conformance\` plays these scenarios against a local service that also
misbehaves on purpose, and writes this page. You can test your own client: see
[\`conformance/README.md\`](../conformance/README.md).
`;

async function main(): Promise<void> {
  if (process.argv.includes("vectors")) {
    const text = JSON.stringify(await vectors(), null, 1);
    writeFileSync("conformance/vectors.json", `${text}\n`);
    return;
  }
  execFileSync("python3", ["python/check.py", "--prepare"], { stdio: "inherit" });
  const names = Object.keys(CLIENTS);
  const results: Result[][] = [];
  for (const command of Object.values(CLIENTS)) results.push(await play(command));
  const lines: string[] = [HEAD];
  for (const [index, { level, name }] of (results[0] ?? []).entries()) {
    if (results[0]?.[index - 1]?.level !== level) {
      lines.push(
        `## Level \`${level}\`\n`,
        `| scenario | ${names.join(" | ")} |`,
        "| --- | --- | --- |",
      );
    }
    const cells = results.map((own) => (own[index]?.violation === undefined ? "yes" : "**no**"));
    const last = results[0]?.[index + 1]?.level !== level;
    lines.push(`| ${name} | ${cells.join(" | ")} |${last ? "\n" : ""}`);
  }
  writeFileSync("docs/conformance.md", lines.join("\n"));
  const failed = results.flat().filter(({ violation }) => violation !== undefined);
  for (const { name, violation } of failed) console.log(`${name}\n  ${violation}`);
  const count = results.flat().length;
  console.log(`${count - failed.length} passed, ${failed.length} failed`);
  if (failed.length > 0) process.exitCode = 1;
}

function play(command: string[]): Promise<Result[]> {
  return new Promise((resolve, reject) => {
    const args = ["agent-heartbeat", "conformance", "--json", "--", ...command];
    const ended = (error: Error | null, output: string) => {
      try {
        resolve(JSON.parse(output));
      } catch {
        reject(error ?? new Error(`expected JSON, got ${output.slice(0, 200)}`));
      }
    };
    execFile("npx", args, ended).stderr?.pipe(process.stderr);
  });
}

void main();
