/** Tools from PyPI, each in its own virtual environment in an ignored folder. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { finished } from "./process";

const TOOLS = join(__dirname, "..", "..", ".tools");
const REQUIREMENTS = join(__dirname, "requirements.txt");

export interface PythonTool {
  /** For example `cfn-lint 1.58.0`. */
  name: string;
  command: string;
}

/** The tool can't be installed on this machine. The message has the reason. */
export class ToolMissing extends Error {}

/**
 * Returns the tool in the version pinned in `requirements.txt`. Installs it if necessary.
 *
 * @throws ToolMissing if Python 3 is missing, or the tool can't be downloaded from PyPI
 */
export async function pythonTool(name: string, signal?: AbortSignal): Promise<PythonTool> {
  const version = versionOf(name);
  const directory = join(TOOLS, `${name}-${version}`);
  const command = join(directory, "bin", name);
  const tool = { name: `${name} ${version}`, command };
  const complete = join(directory, "complete");
  if (existsSync(complete)) return tool;
  mkdirSync(TOOLS, { recursive: true });
  await run("python3", ["-m", "venv", "--clear", directory], "Python 3 with venv is missing");
  const pip = ["install", "--quiet", "--disable-pip-version-check", "--retries", "1"];
  await run(
    join(directory, "bin", "pip"),
    [...pip, `${name}==${version}`],
    "it can't be downloaded from PyPI",
  );
  writeFileSync(complete, "");
  return tool;

  async function run(program: string, args: string[], problem: string): Promise<void> {
    const { code, output } = await finished(program, args, { signal });
    if (code === 0) return;
    const reason = output.trim().split("\n").at(-1) || `${program} is missing`;
    throw new ToolMissing(`${name} ${version} can't be installed: ${problem} (${reason})`);
  }
}

/** The version pinned in `requirements.txt`. */
export function versionOf(name: string): string {
  const line = readFileSync(REQUIREMENTS, "utf8")
    .split("\n")
    .find((candidate) => candidate.startsWith(`${name}==`));
  if (line === undefined) throw new Error(`${REQUIREMENTS} does not name ${name}`);
  return line.slice(name.length + 2);
}
