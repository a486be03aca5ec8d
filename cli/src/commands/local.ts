/** `local`: runs the whole service on this machine. */

import type { LocalOptions } from "@agent-heartbeat/local";
import { type Command, InvalidArgumentError, Option } from "commander";
import { CliError, EXIT, usageError } from "../failure";
import type { Io } from "../io";
import { port } from "../options/port";

const DEFAULT_PORT = 8787;

export function addLocal(program: Command, io: Io): void {
  program
    .command("local")
    .summary("run the whole service on this machine")
    .description(
      "Run the whole service on this machine, without an AWS account: the construct with its defaults, or the CDK app in this folder with its own functions. `--local` of the other commands finds it. Ctrl-C ends it.",
    )
    .option(
      "--agent <name...>",
      "register agents, as organization/agent, with new keys in .local/<organization>/<agent>.pem",
    )
    .option("--app [command]", "run a CDK app instead: with this command, or the one in cdk.json")
    .option("--assembly <folder>", "run the output of cdk synth in this folder instead")
    .option("--stack <name>", "which stack of the app, if it has several")
    .option("--construct <id>", "which construct of the stack, if it has several")
    .addOption(
      new Option("--port <number>", "the port that agents connect to; 0 means any free one")
        .argParser(port)
        .default(DEFAULT_PORT),
    )
    .option(
      "--host <hosts>",
      "further names and addresses of this machine, separated by commas; the service also listens on these addresses",
    )
    .option("--open", "open the dashboard in the browser")
    .option("--demo", "run demo agents that come and go")
    .option("--no-demo", "run no demo agents")
    .option("--data <folder>", "keep state in a file in this folder (default: in memory)")
    .option("--dynamodb-endpoint <url>", "use this DynamoDB instead of the embedded engine", url)
    .option("--no-sweep", "run no schedules; the derived status needs none")
    .option("--verbose", "print the functions' logs too")
    .action(async (_: LocalOptions, command: Command) => {
      const { dynamodbEndpoint, ...options } = command.opts<
        LocalOptions & { dynamodbEndpoint?: string }
      >();
      if (options.app !== undefined && options.assembly !== undefined) {
        throw usageError("--app and --assembly exclude each other.");
      }
      const { signal } = io;
      await io.local(
        { ...options, ...(dynamodbEndpoint && { dynamoDbEndpoint: dynamodbEndpoint }) },
        { directory: io.cwd, signal },
      );
    });
}

/** Loads the package that has the service. @throws CliError if it is not installed */
export async function loadLocal<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND" || !message.includes("@agent-heartbeat/local")) throw cause;
    throw new CliError(
      "The local service is a separate package, which is not installed.",
      EXIT.failure,
      "Install it with `npm install @agent-heartbeat/local`. In a checkout of the repository, use `npm start`.",
      { cause },
    );
  }
}

function url(text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError("Expected a URL that begins with http:// or https://.");
}
