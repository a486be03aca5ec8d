/** The file by which the command line and the tests find a running runtime. */

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { LocalOutputs } from "./service";

/** Writes the outputs atomically. */
export function writeOutputs(file: string, outputs: LocalOutputs): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify({ ...outputs, pid: process.pid }, null, 2)}\n`);
  renameSync(temporary, file);
}

/** Removes the outputs, unless another runtime has written its own since. */
export function removeOutputs(file: string): void {
  try {
    const { pid } = JSON.parse(readFileSync(file, "utf8")) as { pid?: number };
    if (pid === process.pid) rmSync(file);
  } catch {
    // The file does not exist.
  }
}
