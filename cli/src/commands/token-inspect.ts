/** `token inspect`: finds the fault of a login token on this machine, since the service does not say it to clients. */

import type { Command } from "commander";
import { usageError } from "../failure";
import type { Io } from "../io";
import { Printer } from "../terminal/printer";

interface Options {
  url?: string;
  publicKey?: string;
  json?: boolean;
}

export function addTokenInspect(token: Command, io: Io): void {
  token
    .command("inspect")
    .summary("find out what is wrong with a login token")
    .description(
      "Check a login token as the service does, but offline: form, claims, times, audience and signature. Nothing is sent anywhere, and the token stays valid.",
    )
    .argument("[token]", "the token; without it, standard input is read")
    .option("--url <url>", "the WebSocket URL that the token is for, or the HTTP URL")
    .option("--public-key <file>", "the agent's public key")
    .option("--json", "print JSON")
    .addHelpText("after", "\nThe exit code is 1 if the service would refuse the token.")
    .action(async (given: string | undefined, _: Options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { decodeText } = await import("../input/text-file");
      const text = (given ?? decodeText(await io.input())).trim();
      if (text === "") throw usageError("Expected a token, got none.", "Pass one, or pipe it in.");
      if (options.url !== undefined && !URL.canParse(options.url)) {
        throw usageError(
          `--url: expected a wss:// or https:// URL, got ${JSON.stringify(options.url)}.`,
        );
      }
      const { inspectToken } = await import("../keys/token");
      const { readPublicKeyFile } = await import("../keys/key-files");
      const { printFindings } = await import("../terminal/finding");
      const publicKey = options.publicKey && (await readPublicKeyFile(options.publicKey, io));
      const found = await inspectToken(text, {
        now: io.now(),
        ...(options.url !== undefined && { url: options.url }),
        ...(publicKey && { publicKey }),
      });
      printFindings(found, new Printer(io, options));
    });
}
