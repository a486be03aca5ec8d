/** Tools that come from PyPI, each in a virtual environment of its own below an ignored folder. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { finished } from "./process";

const TOOLS = join(__dirname, "..", "..", ".tools");
const REQUIREMENTS = join(__dirname, "requirements.txt");

export interface PythonTool {
  /** As in `cfn-lint 1.58.0`. */
  name: string;
  command: string;
}

/** A tool that can't be had on this machine, and why. */
export class ToolMissing extends Error {}

/**
 * The tool of this name, in the version that `requirements.txt` names, installed unless it is there.
 *
 * @throws ToolMissing if there is no Python 3, or PyPI does not give it
 */
export async function pythonTool(name: string, signal?: AbortSignal): Promise<PythonTool> {
  const version = versionOf(name);
  const directory = join(TOOLS, `${name}-${version}`);
  const command = join(directory, "bin", name);
  const tool = { name: `${name} ${version}`, command };
  const complete = join(directory, "complete");
  if (existsSync(complete)) return tool;
  mkdirSync(TOOLS, { recursive: true });
  await run("python3", ["-m", "venv", "--clear", directory], "there is no Python 3 with venv");
  const pip = ["install", "--quiet", "--disable-pip-version-check", "--retries", "1"];
  await run(
    join(directory, "bin", "pip"),
    [...pip, `${name}==${version}`],
    "PyPI does not give it",
  );
  writeFileSync(complete, "");
  return tool;

  async function run(program: string, args: string[], otherwise: string): Promise<void> {
    const { code, output } = await finished(program, args, { signal });
    if (code === 0) return;
    const reason = output.trim().split("\n").at(-1) || `${program} is not there`;
    throw new ToolMissing(`${name} ${version} can't be installed: ${otherwise} (${reason})`);
  }
}

/** The version of a tool, as `requirements.txt` names it. */
export function versionOf(name: string): string {
  const line = readFileSync(REQUIREMENTS, "utf8")
    .split("\n")
    .find((candidate) => candidate.startsWith(`${name}==`));
  if (line === undefined) throw new Error(`${REQUIREMENTS} does not name ${name}`);
  return line.slice(name.length + 2);
}
