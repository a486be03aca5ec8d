/** Where `agents register` and `agents rotate-key` take the agent's public key from. */

import { type Command, Option } from "commander";
import { usageError } from "../failure";
import type { Io } from "../io";
import {
  DEFAULT_KEY_KIND,
  discardKeyFiles,
  generateKeyFiles,
  KEY_KINDS,
  type KeyFiles,
  type KeyKind,
  readPublicKeyFile,
} from "./key-files";

export interface KeySourceOptions {
  generateKey?: string;
  publicKey?: string;
  algorithm: KeyKind;
}

/** Adds the options to a command. */
export function addKeySource(command: Command): Command {
  return command
    .option("--generate-key <file>", "generate a key pair into this file and <file>.pub")
    .option("--public-key <file>", "take the public key from this file (PEM or JWK)")
    .addOption(keyKindOption());
}

/** `--algorithm`, of a key to generate. */
export function keyKindOption(): Option {
  return new Option("--algorithm <kind>", "kind of key to generate")
    .choices(KEY_KINDS)
    .default(DEFAULT_KEY_KIND);
}

/**
 * Passes the public key to `use`. Generated files are removed again if the registry refuses the key,
 * and kept if it failed, for then it may have taken it.
 *
 * @throws CliError if none or both sources are named, or a file can't be read or written
 */
export async function withPublicKey<T>(
  options: KeySourceOptions,
  io: Io,
  use: (publicKey: string) => Promise<T>,
): Promise<{ result: T; files?: KeyFiles }> {
  checkKeySource(options);
  if (options.publicKey)
    return { result: await use(await readPublicKeyFile(options.publicKey, io)) };
  const files = await generateKeyFiles(options.algorithm, options.generateKey ?? "", io);
  try {
    return { result: await use(files.publicKey), files };
  } catch (error) {
    const { AgentHeartbeatError, IncompleteChangeError } = await import(
      "@agent-heartbeat/sdk/registry"
    );
    // The registry may hold the key after any other error, and holds it after an incomplete change.
    const refused =
      error instanceof AgentHeartbeatError && !(error instanceof IncompleteChangeError);
    if (refused) await discardKeyFiles(files, io);
    throw error;
  }
}

/** @throws CliError if none or both sources are named */
export function checkKeySource({ generateKey, publicKey }: KeySourceOptions): void {
  if (generateKey && publicKey) {
    throw usageError("--generate-key and --public-key exclude each other.");
  }
  if (!generateKey && !publicKey) {
    throw usageError(
      "No key given.",
      "Add --generate-key <file> for a new key pair, or --public-key <file> for one that you have.",
    );
  }
}

/**
 * The text is not repeated: it may be a key where its id belongs.
 *
 * @throws CliError if it can't be a key's id
 */
export function expectKeyId(option: "--key" | "--retire", text: string | undefined): void {
  if (text === undefined || /^[\w-]{1,64}$/.test(text)) return;
  throw usageError(`${option}: expected a key id, got another text.`, "`agents get` shows them.");
}
