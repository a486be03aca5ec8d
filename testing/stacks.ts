/** Stacks for template tests, and helpers that read their resources. */

import { App, Stack } from "aws-cdk-lib";
import type { Template } from "aws-cdk-lib/assertions";
import type { Construct } from "constructs";
import { AgentHeartbeat } from "../lib/agent-heartbeat";
import type { AgentHeartbeatProps } from "../lib/props";
import { appProps } from "./cdk-context";

const ENVIRONMENT = { account: "123456789012", region: "eu-west-1" };

/** An empty stack with a known account and region. */
export const emptyStackIn = (app: App, id: string): Stack =>
  new Stack(app, id, { env: ENVIRONMENT });

/** An empty stack in a new app. */
export const emptyStack = (id = "Test"): Stack => emptyStackIn(new App(appProps()), id);

/** The construct in a stack, without optional parts that tests of props don't need. */
export const presenceIn = (stack: Construct, props: AgentHeartbeatProps = {}, id = "Presence") =>
  new AgentHeartbeat(stack, id, {
    dashboard: false,
    alarms: false,
    cloudWatchDashboard: false,
    ...props,
  });

export interface Statement {
  Action: string | string[];
  Resource: unknown;
  Condition?: unknown;
}

/** The statements of a role's policies, by the beginning of the role's logical id. */
export function statementsOf(template: Template, role: string): Statement[] {
  return Object.values(template.findResources("AWS::IAM::Policy"))
    .filter(({ Properties }) =>
      (Properties.Roles as { Ref: string }[]).some(({ Ref }) => Ref.startsWith(role)),
    )
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement as Statement[]);
}
