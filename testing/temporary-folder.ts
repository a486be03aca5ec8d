/** Temporary folders that are removed with the test file that created them. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "@jest/globals";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A new, empty one. Call it in a test or a hook: the hooks of a file without a test to run are left out, removals included. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "agent-heartbeat-"));
  folders.push(folder);
  return folder;
}
