/** Key pairs in files: the private one readable by its owner only, and none ever overwritten. */

import { generateKeyPairSync } from "node:crypto";
import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { writeNewFile } from "../../../core/new-file";
import { CliError, EXIT, usageError } from "../failure";
import { readTextFile } from "../input/text-file";
import type { Io } from "../io";
import { privateKeyIdIn, publicKeyIn } from "./key-text";

/** Kinds of keys that can be generated. */
export const KEY_KINDS = ["ed25519", "p256", "rsa"] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

export const DEFAULT_KEY_KIND: KeyKind = "ed25519";

/** NIST SP 800-57 asks for this length from 2031 on. */
const RSA_BITS = 3072;
const PRIVATE_MODE = 0o600;
const PUBLIC_MODE = 0o644;

export interface KeyFiles {
  privateKeyFile: string;
  publicKeyFile: string;
  publicKey: string;
}

/**
 * Generates a key pair into `file` (PKCS #8 PEM, mode 600) and `file.pub` (SPKI PEM).
 *
 * @throws CliError if one of the files exists, or can't be written: then none is left behind
 */
export async function generateKeyFiles(kind: KeyKind, file: string, io: Io): Promise<KeyFiles> {
  const { privateKey, publicKey } = generate(kind);
  const files: KeyFiles = { privateKeyFile: file, publicKeyFile: `${file}.pub`, publicKey };
  await writeNew(files.privateKeyFile, privateKey, PRIVATE_MODE, io);
  try {
    await writeNew(files.publicKeyFile, publicKey, PUBLIC_MODE, io);
  } catch (error) {
    await rm(resolve(io.cwd, files.privateKeyFile));
    throw error;
  }
  return files;
}

/** Removes a pair that was generated in vain. */
export async function discardKeyFiles(files: KeyFiles, io: Io): Promise<void> {
  await rm(resolve(io.cwd, files.privateKeyFile));
  await rm(resolve(io.cwd, files.publicKeyFile));
}

/**
 * The public key in a file.
 *
 * @throws CliError if the file can't be read, or holds anything else, above all a private key
 */
export const readPublicKeyFile = (file: string, io: Pick<Io, "cwd">): Promise<string> =>
  readKeyFile(file, publicKeyIn, io);

/**
 * The key id of the private key in a file.
 *
 * @throws CliError if the file can't be read, or holds anything else
 */
export const readPrivateKeyId = (file: string, io: Pick<Io, "cwd">): Promise<string> =>
  readKeyFile(file, privateKeyIdIn, io);

async function readKeyFile<T>(
  file: string,
  keyIn: (text: string) => Promise<T>,
  io: Pick<Io, "cwd">,
): Promise<T> {
  // Never repeated: it may be private.
  if (/-----BEGIN|^\s*\{/.test(file)) {
    throw usageError("Expected the name of a key file, got a key itself.");
  }
  const text = await readTextFile(file, io);
  try {
    return await keyIn(text);
  } catch (cause) {
    const { message, hint } = cause as Error & { hint?: string };
    throw usageError(`${file}: ${message}.`, hint?.replaceAll("FILE", file), { cause });
  }
}

function generate(kind: KeyKind): { privateKey: string; publicKey: string } {
  const { privateKey, publicKey } = keyPair(kind);
  return {
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}

function keyPair(kind: KeyKind) {
  if (kind === "rsa") return generateKeyPairSync("rsa", { modulusLength: RSA_BITS });
  if (kind === "p256") return generateKeyPairSync("ec", { namedCurve: "P-256" });
  return generateKeyPairSync("ed25519");
}

async function writeNew(file: string, text: string, mode: number, io: Io): Promise<void> {
  try {
    await writeNewFile(resolve(io.cwd, file), text, mode);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const exists = code === "EEXIST";
    throw new CliError(
      exists
        ? `${file} exists, and key files are never overwritten.`
        : `${file} can't be written (${code}).`,
      EXIT.failure,
      exists
        ? "Choose another name, or move it away."
        : "Check the folder, its permissions, and the space on its disk.",
      { cause },
    );
  }
}
