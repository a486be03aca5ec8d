/** Finds Agent Heartbeat in a CloudFormation stack, by the outputs that its construct publishes. */

import type { CloudFormationClientConfig, Stack } from "@aws-sdk/client-cloudformation";
import { CliError, EXIT, usageError } from "../failure";
import type { Io } from "../io";
import { OPTION_OF, type StackOutputs } from "../options/target-options";

/** What the names of the outputs end in, with what the construct calls their values. */
const REQUIRED = {
  WebSocketUrl: "webSocketUrl",
  StatusTableName: "statusTable.tableName",
  RegistryTableName: "registryTable.tableName",
  EventBusName: "eventBus.eventBusName",
} as const;

type Name = keyof typeof REQUIRED;

/** By the part of the outputs' names that tells constructs apart, which in a stack of its own is empty. */
type Found = Map<string, Partial<StackOutputs>>;

/** A construct that was found. */
export interface FoundConstruct {
  /** As in `stack MyService, Presence`. */
  name: string;
  outputs: Partial<StackOutputs>;
}

const NAMES = [...(Object.keys(REQUIRED) as Name[]), "HttpUrl", "DashboardUrl"] as const;

/** A stack that can't be used is worth a look at so many pages of other ones. */
const PAGES = 5;

/**
 * @param construct the part of the outputs' names before `WebSocketUrl`
 * @param given values that the stack need not have, and that precede its own
 * @throws CliError with what is missing, and what to add or to name instead
 */
export async function findStack(
  stackName: string,
  construct: string | undefined,
  given: Partial<StackOutputs>,
  config: CloudFormationClientConfig,
  io: Io,
): Promise<FoundConstruct> {
  const { DescribeStacksCommand } = await import("@aws-sdk/client-cloudformation");
  const client = await io.clients.cloudFormation(config);
  const stacks = async (StackName?: string, NextToken?: string) =>
    client.send(new DescribeStacksCommand({ StackName, NextToken }));

  const outputs = outputsOf(await described(stackName));
  const found = constructsOf(outputs);
  const id = chosen(found, stackName, construct);
  if (id !== undefined) return complete(found, id, stackName, given);
  throw new CliError(
    `Stack ${stackName} contains no Agent Heartbeat${construct ? ` named ${construct}` : ""}${listed(outputs)}.`,
    EXIT.target,
    await whereElse(found),
  );

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
      return `It contains ${[...here.keys()].filter(Boolean).join(", ")}: select one with --construct.`;
    const others = await holders().catch(() => []);
    if (others.length > 0) return `Select a stack that does with --stack: ${others.join(", ")}.`;
    return (
      "The construct adds its outputs to its stack, or to the outermost of nested stacks. " +
      "Name that stack, check --region and --profile, redeploy it with the current @agent-heartbeat/cdk, " +
      "or pass the values: --url, --status-table, --registry-table, --event-bus."
    );
  }

  async function holders(): Promise<string[]> {
    const names: string[] = [];
    let token: string | undefined;
    for (let page = 0; page < PAGES; page++) {
      const { Stacks = [], NextToken } = await stacks(undefined, token);
      for (const stack of Stacks)
        if (constructsOf(outputsOf(stack)).size > 0) names.push(`${stack.StackName}`);
      token = NextToken;
      if (token === undefined) break;
    }
    return names;
  }
}

/**
 * Finds a construct in the outputs that `cdk deploy --outputs-file` has written.
 *
 * @throws CliError with what is missing, and what to add or to name instead
 */
export function stackIn(
  file: string,
  stacks: Record<string, Record<string, string>>,
  options: {
    stack: string | undefined;
    construct: string | undefined;
    given: Partial<StackOutputs>;
  },
): FoundConstruct {
  const { stack, construct, given } = options;
  const holding = Object.entries(stacks)
    .filter(([name]) => stack === undefined || name === stack)
    .map(([name, outputs]) => ({ name, found: constructsOf(outputs) }))
    .filter(({ found }) => found.size > 0);
  const [first] = holding;
  if (!first || holding.length > 1) {
    const names = holding.map(({ name }) => name);
    throw new CliError(
      first
        ? `${file} has several stacks with Agent Heartbeat: ${names.join(", ")}.`
        : `${file} has no stack${stack ? ` ${stack}` : ""} with Agent Heartbeat, but ${Object.keys(stacks).join(", ")}.`,
      first ? EXIT.usage : EXIT.target,
      "Select one with --stack <name>.",
    );
  }
  const id = chosen(first.found, first.name, construct);
  if (id !== undefined) return complete(first.found, id, first.name, given);
  throw usageError(
    `Stack ${first.name} in ${file} contains ${[...first.found.keys()].join(", ")}, not ${construct}.`,
    "Select one with --construct <id>.",
  );
}

function complete(
  found: Found,
  id: string,
  stackName: string,
  given: Partial<StackOutputs>,
): FoundConstruct {
  const outputs = { ...found.get(id), ...given };
  const missing = (Object.keys(REQUIRED) as Name[]).filter((name) => !outputs[name]);
  if (missing.length > 0) throw incomplete(stackName, id, missing);
  return { name: `stack ${stackName}${id && `, ${id}`}`, outputs };
}

const outputsOf = (stack: Stack | undefined): Record<string, string> =>
  Object.fromEntries(
    (stack?.Outputs ?? []).map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue]),
  );

/** What there is instead. */
const listed = (outputs: Record<string, string>) =>
  Object.keys(outputs).length > 0 ? `: its outputs are ${Object.keys(outputs).join(", ")}` : "";

function constructsOf(outputs: Record<string, string>): Found {
  const found: Found = new Map();
  const ids = Object.keys(outputs).flatMap((key) => /^(\w*)WebSocketUrl$/.exec(key)?.[1] ?? []);
  for (const id of ids) {
    const own: Partial<StackOutputs> = {};
    for (const name of NAMES) {
      const value = outputs[`${id}${name}`];
      if (value) own[name] = value;
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
    `Stack ${stackName} contains several: ${ids.join(", ")}.`,
    "Select one with --construct <id>.",
  );
}

function incomplete(stackName: string, id: string, missing: Name[]): CliError {
  const lines = missing.map(
    (name) => `  new CfnOutput(stack, "${id}${name}", { value: construct.${REQUIRED[name]} });`,
  );
  return new CliError(
    `Stack ${stackName} has no output ${missing.map((name) => `${id}${name}`).join(", ")}.`,
    EXIT.target,
    `Redeploy it with the current @agent-heartbeat/cdk, which adds them, add them yourself, or pass ${missing.map((name) => OPTION_OF[name].flag).join(" ")}:\n${lines.join("\n")}`,
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
  return cause;
}
