/** What `agent-heartbeat local` is asked for. */

import { LocalRuntimeError } from "../aws/errors";
import { hostOf } from "../aws/guard";

/** The organization of the demo's agents, which the dashboard shows if the address names none. */
export const DEMO_ORGANIZATION = "demo";

/** Named as on the command line. */
export interface LocalOptions {
  /** The command of a CDK app in this folder; true for the one in its `cdk.json`. @default - the construct with its defaults */
  app?: string | true;
  /** The output of `cdk synth`, instead of an app. */
  assembly?: string;
  /** Which stack, if the app has several. */
  stack?: string;
  /** Which construct, if the stack has several. */
  construct?: string;
  /** 0 for a free one. */
  port: number;
  /** Names and addresses of this machine, separated by commas. */
  host?: string;
  /** Whether to open the dashboard. */
  open?: boolean;
  /** Whether to run demo agents. */
  demo?: boolean;
  /** Agents to register, as `organization/agent`. */
  agent?: string[];
  /** The directory of the database's file. @default - in memory */
  data?: string;
  /** A running DynamoDB, instead of the embedded engine. */
  dynamoDbEndpoint?: string;
  /** Whether schedules run. */
  sweep: boolean;
  /** Whether to print the functions' logs. */
  verbose?: boolean;
}

/** @throws LocalRuntimeError naming the one that is no name or address */
export function hostsIn(text: string): string[] {
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

/** @throws LocalRuntimeError if it is not of the form `organization/agent` */
export function agentNameIn(text: string): { organizationId: string; agentId: string } {
  const slash = text.indexOf("/");
  const [organizationId, agentId] = [text.slice(0, slash), text.slice(slash + 1)];
  if (slash > 0 && agentId !== "") return { organizationId, agentId };
  throw new LocalRuntimeError(`--agent: expected <organization>/<agent>, got "${text}"`);
}
