/** An empty folder with packages of this repository, and programs that run there. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { PUBLISHED } from "../../testing/packages";

const exec = promisify(execFile);

/** Only ends what hangs, even on slow machines. */
const LIMIT_MS = 5 * 60_000;

/** The installed command. `npx` would end before it does, at Ctrl-C. */
export const COMMAND = join("node_modules", ".bin", "agent-heartbeat");

export type PackageFolder = (typeof PUBLISHED)[number];

export interface Project {
  directory: string;
  /** By folder. */
  tarballs: ReadonlyMap<string, string>;
  signal: AbortSignal;
}

/** A use of the packages. */
export interface Part {
  packages: readonly PackageFolder[];
  /** Further packages, from the registry. */
  others?: readonly string[];
  /** @throws Error saying what went wrong */
  run(project: Project): Promise<void>;
}

/** Installs packages from their tarballs. */
export async function installed(
  { directory, tarballs, signal }: Project,
  packages: readonly PackageFolder[],
  others: readonly string[],
): Promise<void> {
  await exec("npm", ["init", "--yes"], { cwd: directory });
  const files = packages.map((name) => tarballs.get(name) ?? "");
  const args = ["install", "--prefer-offline", "--no-audit", "--no-fund", ...files, ...others];
  await exec("npm", args, { cwd: directory, signal });
}

/** Writes a program into the folder. */
export const save = ({ directory }: Project, name: string, text: string): void =>
  writeFileSync(join(directory, name), text);

/** The output of a command that has to succeed. @throws Error with what it printed otherwise */
export async function output(
  { directory, signal }: Project,
  command: string,
  ...args: string[]
): Promise<string> {
  const { stdout } = await exec(command, args, { cwd: directory, signal, env: environment() });
  return stdout;
}

/** A program that runs until it is ended. */
export class Program {
  readonly #child: ChildProcess;
  readonly #changed = new Set<() => void>();
  #printed = "";

  constructor({ directory, signal }: Project, command: string, ...args: string[]) {
    // In a process group of its own, as in a terminal, where Ctrl-C reaches all of its processes.
    this.#child = spawn(command, args, {
      cwd: directory,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: environment(),
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#printed += text;
        for (const wake of this.#changed) wake();
      });
    }
    this.#child.once("exit", () => {
      for (const wake of this.#changed) wake();
    });
    signal.addEventListener("abort", () => this.#signal("SIGKILL"));
  }

  /** Waits for a text. @throws Error with all that it printed, if it ends before */
  async prints(text: string | RegExp): Promise<string> {
    await eventually(
      `it prints ${text}, but it printed:\n`,
      () => this.#printed,
      async () => {
        if (typeof text === "string" ? this.#printed.includes(text) : text.test(this.#printed))
          return true;
        if (this.#hasEnded) throw new Error(`expected ${text}, got:\n${this.#printed}`);
        return false;
      },
    );
    return this.#printed;
  }

  /** Ctrl-C, or another signal. @throws Error if it does not end with code 0 */
  async end(name: NodeJS.Signals = "SIGINT"): Promise<void> {
    const ended = this.#hasEnded ? undefined : once(this.#child, "exit");
    this.#signal(name);
    await ended;
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== 0)
      throw new Error(`it ended with ${signalCode ?? exitCode}:\n${this.#printed}`);
  }

  /** Ends it at once, however it is. */
  kill(): void {
    this.#signal("SIGKILL");
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #signal(name: NodeJS.Signals): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, name);
    } catch {
      // All of its processes have ended.
    }
  }
}

/** Runs programs, and ends whatever is left of them. */
export async function withPrograms(
  use: (start: (project: Project, command: string, ...args: string[]) => Program) => Promise<void>,
): Promise<void> {
  const programs: Program[] = [];
  try {
    await use((project, command, ...args) => {
      const program = new Program(project, command, ...args);
      programs.push(program);
      return program;
    });
  } finally {
    for (const program of programs) program.kill();
  }
}

/** Repeats the call until the condition holds. @throws Error with the expected and the actual value */
export async function eventually(
  expected: string,
  actual: () => string,
  holds: () => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`expected that ${expected}${actual()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The address that agents of the folder's service connect to. */
export const urlOf = ({ directory }: Project): string =>
  JSON.parse(readFileSync(join(directory, ".local", "outputs.json"), "utf8")).webSocketUrl;

/** @throws Error naming what a service has left in its folder, besides logs */
export function expectNothingLeft({ directory }: Project): void {
  const folder = join(directory, ".local");
  const left = existsSync(folder) ? readdirSync(folder).filter((name) => name !== "logs") : [];
  if (left.length > 0)
    throw new Error(`expected nothing but logs in .local, got ${left.join(", ")}`);
}

/** Without what npm sets for the programs that it runs. */
function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_"));
  return { ...Object.fromEntries(own), NO_COLOR: "1" };
}
