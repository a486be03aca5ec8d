/** Files in memory: where the system has a place for them. */

import { existsSync, mkdtempSync, statfsSync } from "node:fs";
import { join } from "node:path";

const PLACE = "/dev/shm";

/** A container may have but 64 MB there. */
const ROOM_BYTES = 2 ** 30;

/** A new directory in memory, which whoever asks has to remove; undefined where there is no place or no room for it. */
export function memoryDirectory(prefix: string): string | undefined {
  if (!existsSync(PLACE)) return undefined;
  const { bavail, bsize } = statfsSync(PLACE);
  if (bavail * bsize < ROOM_BYTES) return undefined;
  return mkdtempSync(join(PLACE, prefix));
}
