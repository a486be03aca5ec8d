/** Reads text as people have it: made by any editor, on any system, or piped by any shell. */

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { CliError, EXIT } from "../failure";
import type { Io } from "../io";

/** What the system's codes mean. */
const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist",
  EISDIR: "is a folder",
  EACCES: "is not readable: permission denied",
  EPERM: "is not readable: permission denied",
  ENAMETOOLONG: "is longer than the name of a file can be",
  ERR_INVALID_ARG_VALUE: "is not the name of a file",
};

const NOT_TEXT = "is not a text file";

/**
 * The text of a file, in UTF-8 or UTF-16, without its byte order mark.
 *
 * @throws CliError if it can't be read, or is not text
 */
export async function readTextFile(file: string, io: Pick<Io, "cwd">): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(resolve(io.cwd, file));
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    const why = READ_ERRORS[code] ?? `is not readable (${code})`;
    throw new CliError(`${file} ${why}.`, EXIT.failure, undefined, { cause });
  }
  try {
    return decodeText(bytes);
  } catch (cause) {
    const { message } = cause as Error;
    throw new CliError(`${file} ${message}.`, EXIT.usage, "Save it as UTF-8.", { cause });
  }
}

/**
 * The text in UTF-8 or UTF-16, by the byte order mark, or by where its zeros are.
 *
 * @throws TypeError saying what it is instead, and where that is seen
 */
export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const pair = `${first === 0 ? "0" : first}/${second === 0 ? "0" : second}`;
  if (pair === "255/254" || (first !== 0 && second === 0)) return utf16(bytes, "utf-16le");
  if (pair === "254/255" || (first === 0 && second !== 0)) return utf16(bytes, "utf-16be");
  // The first bytes of a ZIP archive, which a spreadsheet's own format is.
  if (Buffer.from(bytes.subarray(0, 4)).toString("latin1") === "PK\u0003\u0004") {
    throw new TypeError(`${NOT_TEXT}, but a spreadsheet or a ZIP archive`);
  }
  if (bytes.includes(0)) throw new TypeError(NOT_TEXT);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new TypeError(`is not UTF-8 in line ${lineOfFault(bytes)}`, { cause });
  }
}

function utf16(bytes: Uint8Array, encoding: string): string {
  const text = new TextDecoder(encoding).decode(bytes);
  // A binary file may begin like one.
  if (text.includes("\0") || text.includes("\ufffd")) throw new TypeError(NOT_TEXT);
  return text;
}

function lineOfFault(bytes: Uint8Array): number {
  // A line feed is never part of a longer character, so each line can be judged by itself.
  const lines = Buffer.from(bytes).toString("latin1").split("\n");
  return 1 + lines.findIndex((line) => !isUtf8(Buffer.from(line, "latin1")));
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
