/** Directories in memory, on systems that support them. */

import { existsSync, mkdtempSync, statfsSync } from "node:fs";
import { join } from "node:path";

const PLACE = "/dev/shm";

/** Containers often have only 64 MB. */
const ROOM_BYTES = 2 ** 30;

/** A new directory in memory, which the caller must remove; undefined if there is none, or not enough space. */
export function memoryDirectory(prefix: string): string | undefined {
  if (!existsSync(PLACE)) return undefined;
  const { bavail, bsize } = statfsSync(PLACE);
  if (bavail * bsize < ROOM_BYTES) return undefined;
  return mkdtempSync(join(PLACE, prefix));
}
