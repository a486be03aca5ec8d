/** The names of a deployment for which the runbook has placeholders. */

import type { CloudFormationClientConfig } from "@aws-sdk/client-cloudformation";
import type { Io } from "../io";

interface Resource {
  /** The logical id; in a nested stack, after the ids of the constructs that hold that stack. */
  id: string;
  name: string;
  type: string;
}

/** Resources by the placeholder's last word: their type, and what follows the first word in their logical id. */
const KINDS: Readonly<Record<string, { type: string; suffix: string }>> = {
  logs: { type: "AWS::Logs::LogGroup", suffix: "Logs" },
  function: { type: "AWS::Lambda::Function", suffix: "" },
  queue: { type: "AWS::SQS::Queue", suffix: "Undelivered" },
  rule: { type: "AWS::Events::Rule", suffix: "Schedule" },
  mapping: { type: "AWS::Lambda::EventSourceMapping", suffix: "" },
  table: { type: "AWS::DynamoDB::Table", suffix: "" },
};

/** The parts of the construct whose ids are not the placeholder's word. */
const IDS: Readonly<Record<string, string>> = {
  "deliver queue": "MessageEvents",
  "status table": "AgentStatus",
  "registry table": "AgentRegistry",
};

/** What CDK puts at the end of each logical id. */
const HASH = "[0-9A-F]{8}$";

/** The logical id of a nested stack, which begins with the ids of the constructs that hold it. */
const NESTED_STACK = new RegExp(`^(.*?)NestedStack.*NestedStackResource${HASH}`);

/**
 * Reads the names of a construct's resources.
 *
 * @param construct what its outputs begin with: the ids of the constructs that lead to it, and a hash unless it is one alone
 * @returns the name for a placeholder; undefined for one that the stack has nothing for
 * @throws the client's error if CloudFormation refuses
 */
export async function deployedNames(
  stackName: string,
  construct: string | undefined,
  config: CloudFormationClientConfig,
  io: Io,
): Promise<(placeholder: string) => string | undefined> {
  const resources = await resourcesOf(stackName, config, io);
  const ids = [construct ?? "", (construct ?? "").replace(/[0-9a-f]{8}$/, "")];
  const own = resources.filter(({ id }) => ids.some((first) => id.startsWith(first)));
  return (placeholder) => {
    if (placeholder === "stack") return stackName;
    const [word = "", kind = ""] = placeholder.split(" ");
    const { type, suffix } = KINDS[kind] ?? {};
    if (type === undefined) return undefined;
    const ofType = own.filter((resource) => resource.type === type);
    if (word === "all") return ofType.map(({ name }) => name).join(" ") || undefined;
    const id = IDS[placeholder] ?? word;
    const pattern = new RegExp(`${id}${suffix}${HASH}`, "i");
    const found = ofType.filter((resource) => pattern.test(resource.id));
    // Of several constructs, none is the right one by itself.
    return found.length === 1 ? found[0]?.name : undefined;
  };
}

/** @param within the ids of the constructs that hold the stack, if it is a nested one */
async function resourcesOf(
  StackName: string,
  config: CloudFormationClientConfig,
  io: Io,
  within = "",
): Promise<Resource[]> {
  const { ListStackResourcesCommand } = await import("@aws-sdk/client-cloudformation");
  const client = await io.clients.cloudFormation(config);
  const resources: Resource[] = [];
  let NextToken: string | undefined;
  do {
    const page = await client.send(new ListStackResourcesCommand({ StackName, NextToken }));
    for (const {
      LogicalResourceId,
      PhysicalResourceId,
      ResourceType,
    } of page.StackResourceSummaries ?? []) {
      resources.push({
        id: `${within}${LogicalResourceId ?? ""}`,
        name: PhysicalResourceId ?? "",
        type: ResourceType ?? "",
      });
    }
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  const nested = resources.filter(
    ({ type, name }) => type === "AWS::CloudFormation::Stack" && name,
  );
  for (const { id, name } of nested) {
    const [, holders = ""] = NESTED_STACK.exec(id) ?? [];
    resources.push(...(await resourcesOf(name, config, io, holders)));
  }
  return resources;
}
