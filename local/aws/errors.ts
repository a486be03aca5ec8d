/** The root of everything that the local runtime throws on purpose. */

/** A failure told to a person: its message is one sentence that says what to do about it. */
export class LocalRuntimeError extends Error {
  override name = "LocalRuntimeError";
}

const FILE_ERRORS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "its file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a file is in the place of a folder",
  EEXIST: "a file is in the place of a folder",
};

/** The sentence for a person that an error comes down to; undefined for one that nobody expected. */
export function sentenceOf(error: unknown): string | undefined {
  if (error instanceof LocalRuntimeError) return error.message;
  const { code = "", path } = error as NodeJS.ErrnoException;
  const reason = FILE_ERRORS[code];
  if (reason === undefined || path === undefined) return undefined;
  return `Can't write ${path}: ${reason}; make it writable, for the run keeps its files there`;
}
