/** The construct's outputs, wherever it is in an app. */

import { describe, expect, it } from "@jest/globals";
import { App, NestedStack, type Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import type { Construct } from "constructs";
import { AgentHeartbeat } from "../../lib/agent-heartbeat";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";
import { appProps } from "../../testing/cdk-context";
import { emptyStack } from "../../testing/stacks";

const REQUIRED = [
  "EventBusName",
  "HttpUrl",
  "RegistryTableName",
  "StatusTableName",
  "WebSocketUrl",
];

const bare = { dashboard: false, alarms: false, cloudWatchDashboard: false };
const inside = (scope: Construct, id: string) => new AgentHeartbeat(scope, id, bare);
const outputsOf = (stack: Stack) =>
  Template.fromStack(stack).toJSON().Outputs as Record<string, { Export?: unknown; Value: object }>;

describe("the outputs", () => {
  it("are in the app's own stack, with the construct's id in their names, and are not exported", () => {
    const stack = emptyStack();
    inside(stack, "Blue");
    inside(stack, "Green");
    const outputs = outputsOf(stack);
    const expected = ["Blue", "Green"].flatMap((id) => REQUIRED.map((name) => `${id}${name}`));
    expect(Object.keys(outputs).sort()).toEqual(expected.sort());
    expect(Object.values(outputs).filter(({ Export }) => Export !== undefined)).toEqual([]);
  });

  it("are in the outermost stack if the construct is in a nested one", () => {
    const stack = emptyStack();
    inside(new NestedStack(stack, "Nested"), "Presence");
    const names = Object.keys(outputsOf(stack));
    expect(names.map((name) => name.replace(/^NestedPresence[0-9a-f]{8}/, "")).sort()).toEqual(
      REQUIRED,
    );
  });

  it("of two constructs differ, whatever their ids are", () => {
    const stack = emptyStack();
    for (const id of ["a-b", "ab", "a_b", "ä"]) inside(stack, id);
    expect(Object.keys(outputsOf(stack))).toHaveLength(4 * REQUIRED.length);
  });

  it("of an AgentHeartbeatStack have no prefix", () => {
    const stack = new AgentHeartbeatStack(new App(appProps()), "Own", bare);
    expect(Object.keys(outputsOf(stack)).sort()).toEqual(REQUIRED);
  });
});
