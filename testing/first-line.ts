/** What tests wait for when they have started a process. */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/**
 * The first line of a process's standard output, or the first that has a beginning. The process's output goes on to
 * be read, so that it never waits for a reader.
 *
 * @throws Error with what it has printed, if the process ends without that line
 */
export async function firstLine(child: ChildProcess, beginning = ""): Promise<string> {
  if (!child.stdout) throw new Error("expected a process whose output is piped");
  const printed: string[] = [];
  const found = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      printed.push(line);
      if (line.startsWith(beginning)) resolve(line);
    });
  });
  // Not `exit`, which may come before the last of the output.
  const ended = once(child, "close").then(([code, signal]) => {
    const output = printed.join("\n") || "nothing";
    throw new Error(`the process ended with ${signal ?? code}, and printed ${output}`);
  });
  return Promise.race([found, ended]);
}
