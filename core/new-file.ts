/** Writes a file that must not exist yet, as a whole or not at all. */

import { randomUUID } from "node:crypto";
import { constants, copyFile, link, open, rm } from "node:fs/promises";

/**
 * Writes the file under another name first, so that it is there as a whole or not at all, also if the disk is full or the
 * process is ended. Rejects with the code `EEXIST` if anything is at the path, a dangling link included.
 */
export async function writeNewFile(path: string, text: string, mode: number): Promise<void> {
  const unfinished = `${path}.${randomUUID()}.tmp`;
  try {
    const handle = await open(unfinished, "wx", mode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await place(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
}

async function place(unfinished: string, path: string): Promise<void> {
  try {
    await link(unfinished, path);
  } catch (error) {
    // A file system without links, as on many memory cards. What fails here is removed.
    if (!["EPERM", "ENOTSUP", "ENOSYS"].includes((error as NodeJS.ErrnoException).code ?? ""))
      throw error;
    await copyFile(unfinished, path, constants.COPYFILE_EXCL);
  }
}
