/**
 * Generates the table of each function's permissions in docs/security.md from the synthesized
 * policies.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, CfnResource, type Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";
import { table } from "./fields";

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
}

interface Policy {
  Properties: { Roles: { Ref: string }[]; PolicyDocument: { Statement: Statement[] } };
}

/** The text of each generated block, by its name. */
export function privilegeBlocks(): Record<string, string> {
  const outdir = mkdtempSync(join(tmpdir(), "cdk.out-"));
  try {
    const app = new App({ context: { "aws:cdk:bundling-stacks": [] }, outdir });
    return { privileges: privilegeTable(new AgentHeartbeatStack(app, "AgentHeartbeat")) };
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

/** @throws Error if a statement denies something, since the table has no column for that */
function privilegeTable(stack: Stack): string {
  const names = namesIn(stack);
  const policies = Template.fromStack(stack).findResources("AWS::IAM::Policy");
  const rows = Object.values(policies as unknown as Record<string, Policy>).flatMap(
    ({ Properties: { Roles, PolicyDocument } }) => {
      const [{ Ref: role } = { Ref: "" }] = Roles;
      const owner = nameOf(names, role).replace(/Role$/, "");
      return PolicyDocument.Statement.flatMap((statement) => rowsOf(owner, statement, names));
    },
  );
  const sorted = rows.sort((one, other) => one.join().localeCompare(other.join(), "en"));
  return table(
    ["function", "resource", "actions"],
    sorted.map(([owner = "", ...cells], index) => [
      sorted[index - 1]?.[0] === owner ? "" : owner,
      ...cells.map((cell) => `\`${cell}\``),
    ]),
  );
}

function rowsOf(owner: string, statement: Statement, names: Map<string, string>): string[][] {
  const { Effect, Action, Resource } = statement;
  if (Effect !== "Allow") throw new Error(`${owner}: expected Allow, got ${Effect}`);
  const actions = [Action].flat().sort().join("`, `");
  const resources = [Resource].flat().map((resource) => textOf(resource, names));
  // Every function writes its own log. The page mentions it once.
  const others = resources.filter((resource) => resource !== `${owner}Logs`);
  return others.map((resource) => [owner, resource, actions]);
}

/** Maps logical ids to construct names. */
function namesIn(stack: Stack): Map<string, string> {
  const resources = stack.node.findAll().filter(CfnResource.isCfnResource);
  return new Map(
    resources.map((resource) => {
      const { scope, id } = resource.node;
      const owner = id === "Resource" ? scope : resource;
      return [stack.resolve(resource.logicalId), owner?.node.id ?? id];
    }),
  );
}

function nameOf(names: Map<string, string>, logicalId: string): string {
  return names.get(logicalId) ?? logicalId;
}

/**
 * A readable ARN: without partition, region and account, with construct names instead of ids, and
 * without the versions of assets.
 */
function textOf(value: unknown, names: Map<string, string>): string {
  return plain(value, names)
    .replace(/^arn:[^:]*:([a-z0-9-]+):[^:]*:[^:]*:/, "$1 ")
    .replace(/\$\{AWS::(\w+)\}/g, "<$1>")
    .replace(/[0-9a-f]{64}/, "<asset>");
}

function plain(value: unknown, names: Map<string, string>): string {
  if (typeof value === "string") return value;
  const [[name, argument] = []] = Object.entries(value as Record<string, unknown>);
  switch (name) {
    case "Ref":
      return (argument as string).startsWith("AWS::") ? "" : nameOf(names, argument as string);
    case "Fn::GetAtt": {
      const [logicalId, attribute] = argument as [string, string];
      const owner = nameOf(names, logicalId);
      return attribute === "Arn" ? owner : `${owner} ${attribute.replace(/Arn$/, "")}`;
    }
    case "Fn::Join": {
      const [separator, parts] = argument as [string, unknown[]];
      return parts.map((part) => plain(part, names)).join(separator);
    }
    case "Fn::Sub":
      return String(argument);
    default:
      throw new Error(
        `expected Ref, Fn::GetAtt, Fn::Join or Fn::Sub, got ${JSON.stringify(value)}`,
      );
  }
}
