/** Starts and controls the processes of a run. */

import { join } from "node:path";
import { type GuardedProcess, spawnGuarded } from "../../../local/aws/processes/parent-death-guard";
import type { AgentsCommand, AgentsReport, AgentsSettings } from "./agents-messages";
import type { Channel, Reception } from "./channel";
import type { RuntimeCommand, RuntimeReport, RuntimeSettings } from "./runtime-messages";

const ROOT = join(__dirname, "..", "..", "..");
const SOURCES = ["--conditions=agent-heartbeat-source", "--import", "tsx"];

let started = 0;

/** A process and the channel to it. */
export interface Program<Command> {
  process: GuardedProcess;
  channel: Channel<Command, unknown>;
}

/** @param command the executable and its arguments */
export function startAgents(
  command: readonly string[],
  reception: Reception,
  settings: Omit<AgentsSettings, "name" | "receptionPort">,
  listener: (report: AgentsReport) => void,
): Promise<Program<AgentsCommand>> {
  return start<AgentsCommand, AgentsReport>(command, reception, settings, listener);
}

export type ReadyRuntime = Extract<RuntimeReport, { what: "ready" }>;

/** @throws Error if the runtime does not start */
export async function startRuntime(
  reception: Reception,
  settings: Omit<RuntimeSettings, "name" | "receptionPort">,
  listener: (report: RuntimeReport) => void,
): Promise<Program<RuntimeCommand> & { ready: ReadyRuntime }> {
  let begun: (report: RuntimeReport) => void = () => {};
  const first = new Promise<RuntimeReport>((resolve) => {
    begun = resolve;
  });
  const program = await start<RuntimeCommand, RuntimeReport>(
    [process.execPath, ...SOURCES, join(__dirname, "runtime-program.ts")],
    reception,
    settings,
    (report) => {
      if (report.what === "ready" || report.what === "failed to start") begun(report);
      listener(report);
    },
  );
  const ready = await first;
  if (ready.what === "ready") return { ...program, ready };
  await program.process.kill();
  throw new Error(`the runtime: ${ready.what === "failed to start" ? ready.why : ready.what}`);
}

async function start<Command, Report>(
  [executable = "", ...args]: readonly string[],
  reception: Reception,
  settings: object,
  listener: (report: Report) => void,
): Promise<Program<Command>> {
  const name = `program-${started++}`;
  const joined = reception.expect<Command, Report>(name, listener);
  const whole = JSON.stringify({ ...settings, name, receptionPort: reception.port });
  const child = spawnGuarded(executable, [...args, whole], {
    cwd: ROOT,
    output: "ignore",
  });
  const ended = child.ended.then(() => {
    throw new Error(`${args.at(-1)} ended before it had joined the run`);
  });
  ended.catch(() => {});
  return {
    process: child,
    channel: (await Promise.race([joined, ended])) as Channel<Command, unknown>,
  };
}
