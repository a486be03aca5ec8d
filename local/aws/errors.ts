/** The local runtime's errors. */

/** The base class of expected errors. The message is one sentence for the user, which says what to do. */
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

/** An error as one sentence for the user; undefined for an unexpected error. */
export function sentenceOf(error: unknown): string | undefined {
  if (error instanceof LocalRuntimeError) return error.message;
  const { code = "", path } = error as NodeJS.ErrnoException;
  const reason = FILE_ERRORS[code];
  if (reason === undefined || path === undefined) return undefined;
  return `Can't write ${path}: ${reason}; make it writable, because the run stores its files there`;
}
