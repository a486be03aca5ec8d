/** Finds Agent Heartbeat in a CloudFormation stack, by the outputs that its construct publishes. */

import type { CloudFormationClientConfig, Stack } from "@aws-sdk/client-cloudformation";
import { CliError, EXIT, usageError } from "./failure";
import type { Io } from "./io";

/** What the names of the outputs end in, with what the construct calls their values. */
const REQUIRED = {
  WebSocketUrl: "webSocketUrl",
  StatusTableName: "statusTable.tableName",
  RegistryTableName: "registryTable.tableName",
  EventBusName: "eventBus.eventBusName",
} as const;

type Name = keyof typeof REQUIRED;

export type StackOutputs = Record<Name, string> & { DashboardUrl: string | undefined };

/** By the part of the outputs' names that tells constructs apart, which in a stack of its own is empty. */
type Found = Map<string, Partial<StackOutputs>>;

const NAMES = [...(Object.keys(REQUIRED) as Name[]), "DashboardUrl"] as const;

/** A stack that can't be used is worth a look at so many pages of other ones. */
const PAGES = 5;

/**
 * @param construct the part of the outputs' names before `WebSocketUrl`
 * @throws CliError with what is missing, and what to add or to name instead
 */
export async function findStack(
  stackName: string,
  construct: string | undefined,
  config: CloudFormationClientConfig,
  io: Io,
): Promise<{ name: string; outputs: StackOutputs }> {
  const { DescribeStacksCommand } = await import("@aws-sdk/client-cloudformation");
  const client = await io.clients.cloudFormation(config);
  const stacks = async (StackName?: string, NextToken?: string) =>
    client.send(new DescribeStacksCommand({ StackName, NextToken }));

  const found = constructsOf(await described(stackName));
  const id = chosen(found, stackName, construct);
  if (id === undefined) {
    throw new CliError(
      `Stack ${stackName} holds no Agent Heartbeat${construct ? ` of the name ${construct}` : ""}.`,
      EXIT.target,
      await whereElse(found),
    );
  }
  const outputs = found.get(id) ?? {};
  const missing = (Object.keys(REQUIRED) as Name[]).filter((name) => !outputs[name]);
  if (missing.length > 0) throw incomplete(stackName, id, missing);
  const name = `stack ${stackName}${id && `, ${id}`}`;
  return { name, outputs: outputs as StackOutputs };

  async function described(name: string): Promise<Stack | undefined> {
    try {
      return (await stacks(name)).Stacks?.[0];
    } catch (cause) {
      throw explained(cause as Error, name, config.region as string | undefined);
    }
  }

  /** What to do: another construct, another stack, or a deployment. */
  async function whereElse(here: Found): Promise<string> {
    if ([...here.keys()].some(Boolean))
      return `It holds ${[...here.keys()].filter(Boolean).join(", ")}: name one by --construct.`;
    const others = await holders().catch(() => []);
    if (others.length > 0) return `Name one that does by --stack: ${others.join(", ")}.`;
    return (
      "The construct publishes its outputs in the stack that holds it, or in the outermost one of nested stacks. " +
      "Name that stack, check --region and --profile, or deploy it again with the current @agent-heartbeat/cdk."
    );
  }

  async function holders(): Promise<string[]> {
    const names: string[] = [];
    let token: string | undefined;
    for (let page = 0; page < PAGES; page++) {
      const { Stacks = [], NextToken } = await stacks(undefined, token);
      for (const stack of Stacks)
        if (constructsOf(stack).size > 0) names.push(`${stack.StackName}`);
      token = NextToken;
      if (token === undefined) break;
    }
    return names;
  }
}

function constructsOf(stack: Stack | undefined): Found {
  const found: Found = new Map();
  const outputs = stack?.Outputs ?? [];
  const ids = outputs.flatMap(
    ({ OutputKey = "" }) => /^(\w*)WebSocketUrl$/.exec(OutputKey)?.[1] ?? [],
  );
  for (const id of ids) {
    const own: Partial<StackOutputs> = {};
    for (const { OutputKey, OutputValue } of outputs) {
      const name = NAMES.find((candidate) => `${id}${candidate}` === OutputKey);
      if (name && OutputValue) own[name] = OutputValue;
    }
    found.set(id, own);
  }
  return found;
}

/** @throws CliError if there are several to choose from */
function chosen(found: Found, stackName: string, construct: string | undefined) {
  if (construct !== undefined) return found.has(construct) ? construct : undefined;
  const complete = [...found].filter(([, own]) =>
    Object.keys(REQUIRED).every((name) => name in own),
  );
  const ids = (complete.length > 0 ? complete : [...found]).map(([id]) => id);
  if (ids.length <= 1 || ids.includes("")) return ids.includes("") ? "" : ids[0];
  throw usageError(
    `Stack ${stackName} holds several: ${ids.join(", ")}.`,
    "Name one by --construct <id>.",
  );
}

function incomplete(stackName: string, id: string, missing: Name[]): CliError {
  const lines = missing.map(
    (name) => `  new CfnOutput(stack, "${id}${name}", { value: construct.${REQUIRED[name]} });`,
  );
  return new CliError(
    `Stack ${stackName} has no output ${missing.map((name) => `${id}${name}`).join(", ")}.`,
    EXIT.target,
    `Deploy it again with the current @agent-heartbeat/cdk, which adds them, or add them yourself:\n${lines.join("\n")}`,
  );
}

function explained(cause: Error, stackName: string, region: string | undefined): Error {
  const { name, message } = cause;
  if (name === "ValidationError" && message.includes("does not exist")) {
    const hint =
      "Check the name, --region and --profile; `aws cloudformation list-stacks` lists them.";
    const where = region ? ` in ${region}` : "";
    return new CliError(`There is no stack ${stackName}${where}.`, EXIT.target, hint, { cause });
  }
  if (message === "Region is missing") {
    const hint = "Add --region, or set AWS_REGION.";
    return new CliError("No AWS region is set.", EXIT.target, hint, { cause });
  }
  return cause;
}
