/** Runs a program in several processes at once, one for each core, and gathers what they report. */

import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";

/** A process's part of the work: which of how many. Undefined in the process that was started by hand. */
export function ownPart(): { index: number; of: number } | undefined {
  const [index, of] = process.argv.slice(2).map(Number);
  return index === undefined || of === undefined ? undefined : { index, of };
}

/**
 * Starts the program once for each core, with its part as arguments. A process that fails ends the others. What one
 * reports is sent to the others too.
 *
 * @param program path of the module, which calls `ownPart` and sends its report by `process.send`
 * @returns the reports of the processes that sent one
 * @throws Error if a process fails
 */
export async function inProcesses<Report>(program: string): Promise<Report[]> {
  const of = availableParallelism();
  const children: ChildProcess[] = [];
  const reports: Report[] = [];
  try {
    await Promise.all(
      Array.from({ length: of }, (_, index) => {
        const child = fork(program, [String(index), String(of)]);
        children.push(child);
        child.on("message", (report) => {
          reports.push(report as Report);
          for (const other of children) if (other !== child && other.connected) other.send(report);
        });
        return new Promise<void>((resolve, reject) => {
          child.on("error", reject);
          child.on("exit", (code) =>
            code === 0 ? resolve() : reject(new Error(`process ${index}: exit code ${code}`)),
          );
        });
      }),
    );
  } finally {
    for (const child of children) child.kill();
  }
  return reports;
}
