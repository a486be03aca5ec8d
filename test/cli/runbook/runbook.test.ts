import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { App, NestedStack, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Construct } from "constructs";
import { PLACEHOLDER, sectionsOf } from "../../../cli/src/runbook/page";
import { AgentHeartbeatStack } from "../../../lib/agent-heartbeat-stack";
import { appProps } from "../../../testing/cdk-context";
import { run } from "../../../testing/cli/run";
import { presenceIn } from "../../../testing/stacks";

type Resources = Record<string, { Type: string }>;

/** The construct's resources, as CloudFormation lists them. */
let resources: Record<string, readonly [string, string]>;
let page: string;
beforeAll(async () => {
  const template = Template.fromStack(new AgentHeartbeatStack(new App(appProps()), "Test"));
  const all = Object.entries<{ Type: string }>(template.toJSON().Resources);
  resources = Object.fromEntries(all.map(([id, { Type }]) => [id, [Type, `name-of-${id}`]]));
  page = await readFile(join(__dirname, "../../../docs/runbook.md"), "utf8");
});

/** What no stack knows. */
const LEFT = ["<agent>", "<organization>", "<other function>"];

describe("runbook", () => {
  it("lists every alarm with its severity", async () => {
    const { code, stdout } = await run(["runbook"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^FunctionErrors +page +Functions of the gateway, /m);
    expect(stdout.trim().split("\n")).toHaveLength(1 + sectionsOf(page).length);
  });

  it("shows a section by the alarm's name in CloudWatch, with its placeholders", async () => {
    const name = "Host-PresenceMonitoringMassExpirySuspected1D5AB61C-8AQ";
    const { code, stdout } = await run(["runbook", name]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^MassExpirySuspected\n/);
    expect(stdout).toContain("    aws logs tail <sweep logs> --since 1h");
    expect(stdout).toContain(
      "Add --stack <name> to fill in its names. Replace <sweep logs>, <stack>.",
    );
    expect(stdout).not.toContain("**");
  });

  it("fills in the names of a stack's resources, in every section", async () => {
    for (const { alarm } of sectionsOf(page)) {
      const { code, stdout } = await run(["runbook", alarm, "--stack", "Test", "--json"], {
        resources,
      });
      expect(code).toBe(0);
      const left = JSON.parse(stdout).text.match(PLACEHOLDER) ?? [];
      expect(left.filter((placeholder: string) => !LEFT.includes(placeholder))).toEqual([]);
    }
    const args = ["runbook", "Undelivered", "--stack", "Test", "--region", "eu-west-1"];
    const { stdout } = await run(args, { resources });
    expect(stdout).toContain("export AWS_REGION=eu-west-1");
    expect(stdout).toMatch(/--queue-url name-of-PresenceMessageEventsUndelivered\w+/);
    expect(stdout).toMatch(/--function-name name-of-PresenceMessageEventsDeliver\w+/);
  });

  it("fills in no name that two constructs have, unless one is named", async () => {
    const second = Object.entries(resources).map(([id, [type, name]]) => [
      id.replace("Presence", "Second"),
      [type, `second-${name}`] as const,
    ]);
    const both = { ...resources, ...Object.fromEntries(second) };
    const args = ["runbook", "SweepMissing", "--stack", "Test"];
    expect((await run(args, { resources: both })).stdout).toContain("--name <sweep rule>");
    const named = await run([...args, "--construct", "Second"], { resources: both });
    expect(named.stdout).toContain("--name second-name-of-PresenceSweepSchedule");
  });

  it.each([
    ["in a nested stack", (stack: Stack) => new NestedStack(stack, "Inner")],
    ["in a construct of its own", (stack: Stack) => new Construct(stack, "Group")],
    [
      "in a construct in a nested stack in a nested stack",
      (stack: Stack) => {
        const outer = new NestedStack(new Construct(stack, "Group"), "Outer");
        return new Construct(new NestedStack(outer, "Inner"), "Part");
      },
    ],
  ])("fills in names of a construct %s, found by its alarms' descriptions", async (_, placeIn) => {
    const stack = new Stack(new App(appProps()), "Test");
    const presence = presenceIn(placeIn(stack), { alarms: true });
    presenceIn(stack, {}, "Another");
    const nested = stack.node.findAll().filter(NestedStack.isNestedStack) as NestedStack[];
    const templates = new Map<string, Resources>(
      [stack, ...nested].map((one) => [one.node.path, Template.fromStack(one).toJSON().Resources]),
    );
    const nameOf = (stackPath: string, id: string, type: string) => {
      if (type !== "AWS::CloudFormation::Stack") return `${stackPath}.${id}`;
      const held = nested.find(
        (one) =>
          one.nestedStackResource?.logicalId &&
          stack.resolve(one.nestedStackResource.logicalId) === id,
      );
      return held?.node.path ?? "";
    };
    const url = stack.resolve(presence.outputs.get("WebSocketUrl")?.logicalId);
    const construct = String(url).replace(/WebSocketUrl$/, "");
    const args = ["runbook", "SweepMissing", "--stack", "Test", "--construct", construct];
    const { stdout } = await run(args, {
      resources: (stackName) =>
        Object.fromEntries(
          Object.entries(templates.get(stackName) ?? {}).map(([id, { Type }]) => [
            id,
            [Type, nameOf(stackName, id, Type)],
          ]),
        ),
    });
    const holder = Stack.of(presence).node.path.replaceAll("/", "\\/");
    expect(stdout).toMatch(new RegExp(`--name ${holder}\\.\\w*PresenceSweepSchedule\\w+`));
  });

  it("lists the alarms if the name is unknown", async () => {
    const { code, stderr } = await run(["runbook", "Fire"]);
    expect(code).toBe(2);
    expect(stderr).toContain("There is no alarm Fire.");
    expect(stderr).toContain("Expected FunctionErrors, ");
  });
});
