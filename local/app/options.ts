/** The command line of `npm start`. */

import { parseArgs } from "node:util";
import { LocalRuntimeError } from "../aws/errors";
import { hostOf } from "../aws/guard";

export const USAGE = `Usage: npm start -- [options]

Runs Agent Heartbeat on this machine, with demo agents that come and go.

  --no-demo                    just the system, without demo agents
  --port <number>              where agents connect (default 8787)
  --host <host>[,<host>...]    names and addresses of this machine to be reached by, beside localhost;
                               it listens on the addresses (default: on the loopback addresses alone)
  --open                       open the dashboard in the browser
  --data <directory>           keep state in a file there (default: in memory)
  --dynamodb-endpoint <url>    use this DynamoDB instead of the embedded engine
  --no-sweep                   run no schedules; derived status needs none
  --assembly <directory>       run this output of cdk synth instead of the app
  --app <command>              synthesize with this command (default: that of cdk.json)
  --stack <name>               which stack of the app, if it has several
  --verbose                    print the functions' logs too
  --help                       print this`;

export interface StartOptions {
  demo: boolean;
  port: number;
  hosts: string[];
  open: boolean;
  sweep: boolean;
  verbose: boolean;
  help: boolean;
  data?: string;
  dynamoDbEndpoint?: string;
  assembly?: string;
  app?: string;
  stack?: string;
}

/** @throws LocalRuntimeError naming the argument that is wrong */
export function parseOptions(args: string[]): StartOptions {
  const { values } = parse(args);
  return {
    demo: !values["no-demo"],
    port: parsePort(values.port),
    hosts: parseHosts(values.host),
    open: values.open,
    sweep: !values["no-sweep"],
    verbose: values.verbose,
    help: values.help,
    ...(values.data !== undefined && { data: values.data }),
    ...(values["dynamodb-endpoint"] !== undefined && {
      dynamoDbEndpoint: parseUrl(values["dynamodb-endpoint"]),
    }),
    ...(values.assembly !== undefined && { assembly: values.assembly }),
    ...(values.app !== undefined && { app: values.app }),
    ...(values.stack !== undefined && { stack: values.stack }),
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        "no-demo": { type: "boolean", default: false },
        port: { type: "string", default: "8787" },
        host: { type: "string", default: "" },
        open: { type: "boolean", default: false },
        data: { type: "string" },
        "dynamodb-endpoint": { type: "string" },
        "no-sweep": { type: "boolean", default: false },
        assembly: { type: "string" },
        app: { type: "string" },
        stack: { type: "string" },
        verbose: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (cause) {
    const message = (cause as Error).message.split(". ")[0];
    throw new LocalRuntimeError(`${message}: "npm start -- --help" lists the options`, { cause });
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new LocalRuntimeError(`--port: expected a number from 0 to 65535, got "${text}"`);
}

function parseHosts(text: string): string[] {
  const hosts = text.split(",").map((host) => host.trim());
  return hosts.filter(Boolean).map((host) => {
    const found = hostOf(host);
    if (found && new URL(`http://${found.text}`).port === "" && !found.text.endsWith(":80")) {
      return found.name;
    }
    throw new LocalRuntimeError(
      `--host: expected names or addresses without a port, got "${host}"`,
    );
  });
}

function parseUrl(text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new LocalRuntimeError(`--dynamodb-endpoint: expected an http:// URL, got "${text}"`);
}
