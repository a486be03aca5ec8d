/** `keys generate`: a key pair for an agent, made where the agent runs. */

import type { Command } from "commander";
import type { Io } from "../io";
import { generateKeyFiles, type KeyKind } from "../keys/key-files";
import { keyKindOption } from "../keys/key-source";
import { Printer } from "../terminal/printer";
import { fields } from "../terminal/table";

interface Options {
  out: string;
  algorithm: KeyKind;
  json?: boolean;
}

export function addKeysGenerate(keys: Command, io: Io): void {
  keys
    .command("generate")
    .summary("generate a key pair")
    .description(
      "Generate a key pair: the private key into <file> (PKCS #8 PEM, mode 600), the public key into <file>.pub. Existing files are never overwritten.",
    )
    .requiredOption("--out <file>", "file for the private key")
    .addOption(keyKindOption())
    .option("--json", "print JSON")
    .action(async (_: Options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const printer = new Printer(io, options);
      const { publicKeyFrom } = await import("@agent-heartbeat/sdk/registry");
      const files = await generateKeyFiles(options.algorithm, options.out, io);
      const { keyId, algorithm } = await publicKeyFrom(files.publicKey);
      const { privateKeyFile, publicKeyFile } = files;
      if (printer.json) return printer.value({ keyId, algorithm, privateKeyFile, publicKeyFile });
      const pairs = [
        ["key id", keyId],
        ["algorithm", algorithm],
        ["private key", `${privateKeyFile} (keep it where the agent runs)`],
        ["public key", `${publicKeyFile} (register it with \`agents register --public-key\`)`],
      ] as const;
      printer.lines(...fields(pairs, printer.colours));
    });
}
